#!/usr/bin/env bash
# Photos a second that MobileNetV2, ResNet50 and EfficientNetV2-B0 (224×224, random weights, floats in memory) classify
# in batches of 1, 8 and 32: Petal with 32, 16 and 8 bits, onnxruntime and OpenVINO on the models that Petal exports, and on
# those with the 8-bit numbers of onnxruntime's own tool, in turn.
#
#     bench/inference/networks.sh [ROUNDS [THREADS]]
#
# With THREADS each has so many, else as many as it likes.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-$(bench/setup.sh)}
rounds=${1:-3} threads=${2:-}
cargo build --release -q -p petal --example networks
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ -z "$threads" ] || export RAYON_NUM_THREADS=$threads
target/release/examples/networks save "$work"
for network in MobileNetV2 ResNet50 EfficientNetV2B0; do
    # Its name is that of the network, as of the others.
    mkdir "$work/$network"
    "$python" bench/inference/quantize.py "$work/$network.onnx" "$work/$network/$network.onnx" 2>"$work/errors" ||
        cat "$work/errors" >&2
done
for _ in $(seq "$rounds"); do
    for network in MobileNetV2 ResNet50 EfficientNetV2B0; do
        for batch in 1 8 32; do
            target/release/examples/networks run $network $batch
            target/release/examples/networks run $network $batch mixed_bfloat16
            target/release/examples/networks run $network $batch int8
            for engine in onnxruntime openvino; do
                for numbers in "" int8; do
                    file=$work/${numbers:+$network/}$network.onnx
                    "$python" bench/inference/engines.py $engine "$file" $batch $threads 2>"$work/errors" |
                        sed "s/ $engine/ $engine${numbers:+-$numbers}/" || cat "$work/errors" >&2
                done
            done
        done
    done
done > "$work/lines"
"$python" bench/table.py "photos/s" < "$work/lines"

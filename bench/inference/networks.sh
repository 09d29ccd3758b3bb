#!/usr/bin/env bash
# Photos a second that MobileNetV2, ResNet50 and EfficientNetV2-B0 (224×224, random weights, floats in memory) classify
# in batches of 1, 8 and 32: Petal, onnxruntime and OpenVINO on the models that Petal exports, in turn.
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
for _ in $(seq "$rounds"); do
    for network in MobileNetV2 ResNet50 EfficientNetV2B0; do
        for batch in 1 8 32; do
            target/release/examples/networks run $network $batch
            target/release/examples/networks run $network $batch mixed_bfloat16
            for engine in onnxruntime openvino; do
                "$python" bench/inference/engines.py $engine "$work/$network.onnx" $batch $threads 2>"$work/errors" ||
                    cat "$work/errors" >&2
            done
        done
    done
done > "$work/lines"
"$python" bench/table.py "photos/s" < "$work/lines"

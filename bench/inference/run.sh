#!/usr/bin/env bash
# Inference of MobileNetV2 at 180×180: wall time of `petal predict` of one photo, its start included; then photos a
# second of the model alone on tensors in memory and of a folder of JPEGs, Petal, PyTorch and onnxruntime in turn.
#
#     bench/inference/run.sh FLOWER_PHOTOS [ROUNDS]
#
# The folder's rate has the start of `petal predict` in it, but not that of Python.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-$(bench/setup.sh)}
photos=${1:?"bench/inference/run.sh FLOWER_PHOTOS [ROUNDS]"}
rounds=${2:-3}
cargo build --release -q -p petal --example inference
cargo build --release -q -p petal-cli
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
model=$work/model.petal
target/release/examples/inference save "$model"
"$python" bench/inference/petal.py cold "$model" "$photos"
for _ in $(seq "$rounds"); do
    target/release/examples/inference tensors
    "$python" bench/inference/petal.py folder "$model" "$photos"
    for peer in torch onnxruntime; do
        "$python" bench/inference/peers.py "$peer" "$photos" 2>"$work/errors" || cat "$work/errors" >&2
    done
done > "$work/lines"
echo
"$python" bench/table.py "photos/s" < "$work/lines"

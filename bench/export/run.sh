#!/usr/bin/env bash
# Exported models in onnxruntime and OpenVINO beside Petal: small models with all operations, all applications with
# random weights, and the lecture's four networks, trained for EPOCHS on a folder of photos, on its validation photos.
#
#     bench/export/run.sh FLOWER_PHOTOS [EPOCHS [MOBILENETV2_NO_TOP.h5]]
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-$(bench/setup.sh)}
photos=${1:?"bench/export/run.sh FLOWER_PHOTOS [EPOCHS [MOBILENETV2_NO_TOP.h5]]"}
epochs=${2:-1}
weights=${3:-imagenet}
cargo build --release -q --workspace --example onnx_models --bin petal
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/models"
target/release/examples/onnx_models "$work/models"
"$python" bench/export/engines.py models "$work/models"
echo
train() { target/release/petal train "$photos" --seed 42 --quiet --epochs "$epochs" "${@:2}" --output "$work/$1" >&2; }
train cnn --model cnn
train cnn-regularized --model cnn-regularized
train mobilenet-v2 --model mobilenet-v2 --weights "$weights"
train fine-tuned --model mobilenet-v2 --weights "$weights" --fine-tune-at 100 --fine-tune-epochs "$epochs"
"$python" bench/export/engines.py photos target/release/petal "$photos" \
    "$work"/{cnn,cnn-regularized,mobilenet-v2,fine-tuned}

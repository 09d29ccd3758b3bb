#!/usr/bin/env bash
# Time of a training step (180×180, batch 32, data in memory): Petal, Keras and PyTorch in turn, several rounds.
#
#     pip install keras==3.15.1 tensorflow==2.21.0 torch
#     bench/step_time/run.sh [ROUNDS [MODEL…]]
#
# MODEL is cnn, frozen or fine-tune (peers.py says what they are); all by default. PEERS names others than the usual
# ones, torch-compile needs a C++ compiler.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-3}
models=("${@:2}")
[ ${#models[@]} -gt 0 ] || models=(cnn frozen fine-tune)
cargo build --release -q -p petal --example step_time
lscpu | sed -n 's/^Model name: *//p'
for round in $(seq "$rounds"); do
    for model in "${models[@]}"; do
        target/release/examples/step_time "$model"
        for peer in ${PEERS:-keras torch torch-channels-last}; do
            TF_CPP_MIN_LOG_LEVEL=3 python3 bench/step_time/peers.py "$peer" "$model" || echo "$model $peer nan"
        done
    done
done | python3 bench/step_time/table.py

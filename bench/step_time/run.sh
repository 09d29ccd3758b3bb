#!/usr/bin/env bash
# Step time of the lecture's CNN: Petal, Keras and PyTorch (channels-last) in turn, several rounds.
#
#     pip install keras==3.15.1 tensorflow==2.21.0 torch
#     bench/step_time/run.sh [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --release -q -p petal --example step_time
for round in $(seq "${1:-3}"); do
    target/release/examples/step_time
    for peer in keras torch; do TF_CPP_MIN_LOG_LEVEL=3 python3 bench/step_time/peers.py $peer; done
done | sort | awk '{ v[$1] = v[$1] " " $2 } END { for (n in v) print n ":" v[n], "ms a step" }'

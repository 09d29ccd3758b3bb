#!/usr/bin/env bash
# Peak of resident memory while the lecture's CNN trains 5 steps (180×180, batch 32) on data in memory: Petal and peers
# in turn.
#
#     bench/memory/run.sh [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-$(bench/setup.sh)}
rounds=${1:-2}
cargo build --release -q -p petal --example step_time
for _ in $(seq "$rounds"); do
    "$python" bench/memory/peak.py petal target/release/examples/step_time cnn 5
    for peer in keras torch-channels-last; do
        "$python" bench/memory/peak.py "$peer" "$python" bench/step_time/peers.py "$peer" cnn 5
    done
done | "$python" bench/table.py "MB at the peak"

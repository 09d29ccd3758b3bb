#!/usr/bin/env bash
# Time a photo of the lecture's CNN against image size, batch size, threads and number of photos: a table, and a plot
# where matplotlib is there.
#
#     bench/scale/run.sh [PLOT.svg]
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-$(bench/setup.sh)}
cargo build --release -q -p petal --example scale
for threads in 1 "$(nproc)"; do
    for what in size batch; do
        RAYON_NUM_THREADS=$threads target/release/examples/scale $what | sed "s/^/$what $threads /"
    done
done > target/scale.txt
target/release/examples/scale photos | sed "s/^/photos $(nproc) /" >> target/scale.txt
"$python" bench/scale/report.py "${1:-target/scale.svg}" < target/scale.txt

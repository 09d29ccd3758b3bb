#!/usr/bin/env bash
# Measures Petal and its peers on this machine and prints the tables, in about 40 minutes on 2 cores.
#
#     bench/run.sh FLOWER_PHOTOS > tables.md
#
# FLOWER_PHOTOS is a folder with one folder of JPEGs a class (`petal download flower_photos`). The peers are installed
# into target/bench/venv unless PYTHON names a Python that has them. Progress is on stderr. bench/README.md says what
# each part measures and how it is run by itself.
set -euo pipefail
cd "$(dirname "$0")/.."
photos=$(realpath "${1:?"bench/run.sh FLOWER_PHOTOS"}")
PYTHON=${PYTHON:-$(bench/setup.sh)}
export PYTHON TF_CPP_MIN_LOG_LEVEL=3

part() {
    printf '\n## %s\n\n' "$1"
    shift
    echo "$*" >&2
    "$@"
}

"$PYTHON" bench/machine.py
part "Training step, 180×180, batch 32, data in memory" \
    env PEERS="keras torch torch-channels-last torch-compile burn" bench/step_time/run.sh 3
part "Inference, MobileNetV2, 180×180" bench/inference/run.sh "$photos" 3
part "Photos from disk, 180×180" bench/input/run.sh "$photos" 5
part "Memory, lecture's CNN, 180×180, batch 32" bench/memory/run.sh 2
part "Scale, lecture's CNN" bench/scale/run.sh
part "Kernels" "$PYTHON" bench/kernels/share.py

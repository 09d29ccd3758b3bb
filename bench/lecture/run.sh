#!/usr/bin/env bash
# Wall time of the whole lecture, its four phases with everything around them: `petal lecture` against the same in Keras.
#
#     bench/lecture/run.sh FLOWER_PHOTOS MOBILENET_V2_WEIGHTS.h5 [EPOCHS_SCALE]
#
# EPOCHS_SCALE multiplies both's number of epochs; 0.1 is a first look, 1 (the default) takes Keras more than half an
# hour.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-$(bench/setup.sh)}
cargo build --release -q -p petal-cli
"$python" bench/lecture/compare.py "$python" "$@"

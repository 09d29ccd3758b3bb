#!/usr/bin/env bash
# What photos cost: decoding them from disk to 180×180 in Petal and tf.data in turn, several rounds; then a training
# step of the lecture's CNN on tensors in memory, on cached photos, and on cached photos with augmentation. Then photos of 12
# megapixels, made of some of the folder's, as `petal train` reads them, beside tf.data and Pillow.
#
#     bench/input/run.sh FLOWER_PHOTOS [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-$(bench/setup.sh)}
photos=${1:?"bench/input/run.sh FLOWER_PHOTOS [ROUNDS]"}
rounds=${2:-5}
cargo build --release -q -p petal --example load_folder --example input_cost
lines=$(mktemp)
large=$(mktemp -d)
trap 'rm -rf "$lines" "$large"' EXIT
# The first pass brings the files into the machine's memory.
target/release/examples/load_folder "$photos" >&2
for _ in $(seq "$rounds"); do
    python3 bench/input/petal.py target/release/examples/load_folder "$photos"
    TF_CPP_MIN_LOG_LEVEL=3 "$python" bench/input/peers.py "$photos" 2>/dev/null
done > "$lines"
grep ^decode "$lines" | "$python" bench/table.py "photos/s"
echo
grep ^processor-time "$lines" | "$python" bench/table.py "ms a photo"
echo
target/release/examples/input_cost "$photos"
echo
"$python" bench/input/enlarge.py "$photos" "$large"
target/release/examples/load_folder "$large" >&2
for _ in $(seq "$rounds"); do
    target/release/examples/load_folder "$large" 180 average | sed -n 's/.*: \(.*\) photos\/s/12-megapixels petal \1/p'
    for peer in tf.data tf.data,ratio=8 pillow,draft; do
        TF_CPP_MIN_LOG_LEVEL=3 "$python" bench/input/large_peers.py "$large" "$peer" 2>/dev/null
    done
done | "$python" bench/table.py "photos/s"

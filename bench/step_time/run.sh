#!/usr/bin/env bash
# Time of a training step (180×180, batch 32, data in memory): Petal, Keras and PyTorch in turn, several rounds.
#
#     bench/step_time/run.sh [ROUNDS [MODEL…]]
#
# MODEL is cnn, frozen or fine-tune (peers.py says what they are); all by default. PEERS names others than the usual
# ones: keras, torch, torch-channels-last, torch-compile (needs a C++ compiler), burn (cnn only;
# compiling it takes minutes); each of Petal's, Keras' and PyTorch's with -bfloat16 added computes with these numbers,
# which pays off on processors with AVX512-BF16 or AMX.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-$(bench/setup.sh)}
rounds=${1:-3}
models=("${@:2}")
[ ${#models[@]} -gt 0 ] || models=(cnn frozen fine-tune)
peers=${PEERS:-keras torch torch-channels-last}
cargo build --release -q -p petal --example step_time
if [[ " $peers " == *" burn "* ]]; then
    cargo build --release -q --manifest-path bench/burn/Cargo.toml --target-dir target/bench/burn
fi

errors=$(mktemp)
trap 'rm -f "$errors"' EXIT

measure() {
    case $2 in
    petal) target/release/examples/step_time "$1" ;;
    petal-bfloat16) target/release/examples/step_time "$1" 15 mixed_bfloat16 ;;
    burn) if [ "$1" = cnn ]; then target/bench/burn/release/burn-step-time; fi ;;
    *) TF_CPP_MIN_LOG_LEVEL=3 "$python" bench/step_time/peers.py "$2" "$1" ;;
    esac
}

for round in $(seq "$rounds"); do
    for model in "${models[@]}"; do
        for peer in petal $peers; do
            measure "$model" "$peer" 2>"$errors" || { cat "$errors" >&2; echo "$model $peer nan"; }
        done
    done
done | "$python" bench/table.py "ms a step"

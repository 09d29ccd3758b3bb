#!/usr/bin/env bash
# Whether two binaries give the same bits: trains each network shortly with both, on sample photos, and compares the
# models that they save, byte for byte.
#
#     bench/same_bits/run.sh BEFORE AFTER
#
# BEFORE and AFTER are binaries of `petal`, of two commits for instance. The machine has to be the same for both: which
# kernels run depends on its processor. Exits with 1 if a model differs.
set -euo pipefail
before=$(realpath "$1") after=$(realpath "$2")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"$before" sample-data photos --per-class 8 >/dev/null 2>&1

differ=0
compare() {
    local name=$1
    shift
    for side in before after; do
        "${!side}" train photos -q -o "$side" "$@" >/dev/null 2>"$side.log" || { cat "$side.log"; exit 2; }
    done
    if cmp -s before/model.petal after/model.petal; then
        printf '%-52s same\n' "$name"
    else
        printf '%-52s DIFFERENT\n' "$name"
        differ=1
    fi
    rm -rf before after
}

small=(--image-size 64 --epochs 1 --batch-size 8)
compare cnn --epochs 2
compare cnn-regularized --model cnn-regularized --epochs 2
for network in mobilenet-v2 mobilenet efficientnet-v2-b0 resnet50 vgg16; do
    random=(--model $network --weights none "${small[@]}")
    compare "$network, a new last layer" "${random[@]}"
    compare "$network, fine-tuned from layer 10 on" "${random[@]}" --fine-tune-at 10 --fine-tune-epochs 1
done
exit $differ

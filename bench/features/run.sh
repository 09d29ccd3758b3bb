#!/usr/bin/env bash
# What Petal's features cost a program that loads a model and predicts (crates/petal/examples/predict_only.rs): the crates
# that it needs, and the seconds of a clean release build on two cores, with all of them and with none, in turn.
#
#     bench/features/run.sh [ROUNDS]
#
# The program is built as a user's would be: in a package of its own, since an example takes what the tests need as well.
set -euo pipefail
cd "$(dirname "$0")/../.."
rounds=${1:-1}
petal=$PWD/crates/petal
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for features in default none; do
    mkdir -p "$folder/$features/src"
    cp "$petal/examples/predict_only.rs" "$folder/$features/src/main.rs"
    # The versions are the workspace's.
    cp Cargo.lock "$folder/$features/"
    printf '%s\n' '[package]' 'name = "predict-only"' 'edition = "2024"' '[workspace]' '[dependencies.petal]' \
        "path = \"$petal\"" "default-features = $([ $features = default ] && echo true || echo false)" \
        >"$folder/$features/Cargo.toml"
    (cd "$folder/$features" && cargo fetch -q)
done

printf '| features | crates | seconds of a clean build |\n|---|--:|--:|\n'
for _ in $(seq "$rounds"); do
    for features in default none; do
        cd "$folder/$features"
        rm -rf target
        # `cargo tree` marks what it has printed before.
        crates=$(cargo tree -p petal -e normal --prefix none | sed 's/ (.*//' | sort -u | wc -l)
        begin=$SECONDS
        CARGO_TARGET_DIR=target cargo build -q --release -j2
        printf '| %s | %d | %d |\n' $features "$crates" $((SECONDS - begin))
    done
done

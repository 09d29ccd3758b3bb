#!/usr/bin/env bash
# Fuzzes what Petal reads from others, each target for so many seconds, and prints what was tried.
#
#     fuzz/run.sh [SECONDS [TARGET…]]
#
# A failure is a panic of Petal's own code, also one that it would catch, any other panic that it doesn't catch (integers
# that overflow panic here), what AddressSanitizer finds, 10 seconds for one input, and 2 GB of memory, or 1 GB in one
# piece. A target ends with its first. "Code reached" counts the edges between blocks of code, also of other crates.
#
# Exits with 1 if there was a failure. The input lies in fuzz/artifacts/TARGET, and
# `RUSTC_BOOTSTRAP=1 cargo fuzz run TARGET FILE` tries it again. What reaches new code stays in fuzz/corpus, from which
# the next run begins.
#
# Needs a C++ compiler and `cargo install cargo-fuzz`; the stable toolchain will do. The first build may take 20 minutes.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(photos petal_file h5 keras keras_config archives)
# cargo-fuzz passes flags that are still to become stable.
export RUSTC_BOOTSTRAP=1

petal=${PETAL:-target/release/petal}
[ -x "$petal" ] || cargo build --release
[ -d fuzz/corpus ] || fuzz/corpus.py "$petal" >&2
mkdir -p fuzz/logs
# The versions that Petal is built with.
[ fuzz/Cargo.lock -nt Cargo.lock ] || cp Cargo.lock fuzz/Cargo.lock

failures=0
printf '| target | inputs | seconds | code reached | failures |\n|---|--:|--:|--:|--:|\n'
for target in "${targets[@]}"; do
    found=0
    nice -n 19 cargo fuzz run "$target" -- -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -malloc_limit_mb=1024 -max_len=400000 -print_final_stats=1 >"fuzz/logs/$target" 2>&1 || found=1
    value() { sed -n "s/.*$1 *\([0-9]*\).*/\1/p" "fuzz/logs/$target" | tail -1; }
    inputs=$(value 'stat::number_of_executed_units:')
    reached=$(value ' cov:')
    printf '| %s | %s | %s | %s | %s |\n' "$target" "${inputs:-0}" "$seconds" "${reached:-0}" "$found"
    if [ "$found" = 1 ]; then
        failures=1
        tail -n 30 "fuzz/logs/$target" >&2
    fi
done
exit $failures

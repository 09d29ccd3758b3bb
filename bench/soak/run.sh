#!/usr/bin/env bash
# Kills Petal at random instants and gives it damaged files, for some minutes, and prints what was tried.
#
#     bench/soak/run.sh [MINUTES [PART…]]
#
# Parts, all by default: kills, photos, models, settings, archives. SEED=N repeats what was drawn; PETAL names the
# binary, which is built otherwise. Needs nothing but Python 3 and Rust. Exits with 1 if anything was lost, panicked,
# hung or ended in another way than it should; what led to it is then kept and named.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${PETAL:-}" ]; then
    cargo build --release >&2
    PETAL=target/release/petal
fi
PETAL=$(realpath "$PETAL")
export PETAL
exec python3 bench/soak/soak.py "$@"

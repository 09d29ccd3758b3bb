#!/usr/bin/env bash
# Installs what Petal is compared with into target/bench/venv and prints the path of its Python. About 6 GB, once.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$PWD/target/bench/venv
if ! cmp -s bench/requirements.txt "$venv/installed.txt"; then
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install --quiet --requirement bench/requirements.txt >&2
    cp bench/requirements.txt "$venv/installed.txt"
fi
echo "$venv/bin/python"

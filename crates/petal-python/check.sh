#!/usr/bin/env bash
# Builds the wheel, installs it in a Python environment of its own, and tests it there. Says so and does nothing where there
# is no Python, or no way to install what the tests need.
#
#   crates/petal-python/check.sh [FOLDER FOR THE ENVIRONMENT AND THE BUILD, target]
set -euo pipefail
cd "$(dirname "$0")"
target=$(mkdir -p "${1:-../../target}" && cd "${1:-../../target}" && pwd)
environment=$target/python
export CARGO_TARGET_DIR=$target

skip() { echo "skipped: the Python package ($*)"; exit 0; }
step() { printf '\n== %s\n' "$*"; "$@"; }

python3 -c 'import sys; assert sys.version_info >= (3, 10)' 2>/dev/null || skip "there is no Python of 3.10 or later"
python3 -m venv --clear "$environment" || skip "Python cannot make an environment: venv is missing"
"$environment/bin/pip" install --quiet --disable-pip-version-check \
    'maturin>=1.16,<2' numpy pytest matplotlib pillow mypy nbconvert ipykernel || skip "pip cannot install what it needs"

step cargo fmt --check
step cargo clippy --all-targets --locked -- -D warnings
# Without the link-time optimization of a wheel that is given away, which takes minutes.
rm -rf "$target/wheels"
step "$environment/bin/maturin" build --profile release --locked --quiet --interpreter "$environment/bin/python" --out "$target/wheels"
step "$environment/bin/pip" install --quiet --disable-pip-version-check "$target"/wheels/petal-*.whl
step "$environment/bin/python" -m pytest -q -p no:cacheprovider
# The declared types are those of the module, and Python's half goes with them.
step "$environment/bin/python" -m mypy.stubtest petal._petal
step "$environment/bin/jupyter" nbconvert --log-level WARN --to html --execute examples/lecture.ipynb --output-dir "$target/wheels"

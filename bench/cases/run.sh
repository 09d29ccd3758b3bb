#!/usr/bin/env bash
# Runs situations in which tools of this kind go wrong, and says whether Petal ends as it should:
#
#     bench/cases/run.sh [PETAL [CASE…]]
#
# PETAL is the built binary [default: target/release/petal]. Each CASE is a folder of ../shared/cases with a script
# run.sh, that needs $PETAL, and the words expected.txt; what these words mean for the output stands below. Where the
# folder is missing, nothing is run.
set -euo pipefail
cd "$(dirname "$0")/../.."
cases=${CASES:-$PWD/../shared/cases}
PETAL=$(realpath "${1:-target/release/petal}")
export PETAL TMPDIR
TMPDIR=$(mktemp -d)
trap 'rm -rf "$TMPDIR"' EXIT
shift || true
if [ ! -d "$cases" ]; then
    echo "skipped: there is no folder $cases"
    exit 0
fi

wrong=()
# What the output must have, and what it must not have; as extended regular expressions.
has() { grep -qE -- "$1" "$output" || wrong+=("no line matches: $1"); }
never() { if grep -qE -- "$1" "$output"; then wrong+=("a line matches: $1"); fi; }
count() { [ "$(grep -cE -- "$2" "$output")" = "$1" ] || wrong+=("not $1 lines match: $2"); }

check() {
    never 'panicked at|RUST_BACKTRACE'
    never 'rc=(101|134|137|139)'
    case $1 in
    cli_keras_file) has 'is a model of Keras' && has 'Total params' && has 'roses_001\.jpg: .* %' ;;
    # A summary; the numbers are compared by crates/petal/tests/keras_models.rs.
    keras_*) has 'Total params' ;;
    cmyk_without_adobe) has 'CMYK' ;;
    duplicates_quadratic)
        lines=$(awk '{ print $1; exit }' "$output")
        [ "$lines" -lt 60 ] || wrong+=("$lines lines of output") ;;
    empty_class) has 'orchids.*no photos|no photos.*orchids' && has 'daisy.*no photos|no photos.*daisy' ;;
    evaluate_missing_class) has 'roses' && has 'rc=0' && never 'class_names' ;;
    macosx_class) has '20 photos of 5 classes' && has 'rc=0' ;;
    nan_goes_unsaid) has '--learning-rate' && never 'NaN %' && count 2 'rc=1$' ;;
    nohup_does_not_hold) has 'rc=0' && never 'Ctrl-C' ;;
    non_utf8_folder_panics) has 'rc=[01]$' ;;
    options_silently_ignored)
        never 'rc=0'
        has '--learning-rate' && has '--weights' && has '--fine-tune-epochs' ;;
    other_endings_unnoticed) has '20 photos of 5 classes' ;;
    output_closed_panics)
        has 'summary \| head: rc=(0|141)' && has 'log on a full disk: rc=0' && has 'train 2>&1 \| head: rc=0'
        count 2 '^model\.petal$' ;;
    photo_gone_in_training) has 'rc=0' && count 1 '^model\.petal$' ;;
    resume_class_renamed) has 'zinnias' && has 'daisy' && has 'rc=1' ;;
    resume_other_folder) has 'rc=0' && never '2 classes' ;;
    resume_photos_added) has '--accept-changed-data' && has 'rc=1' ;;
    thousands_of_classes)
        has 'rc=0'
        # The case's script asks `file` for the picture's size.
        if command -v file >/dev/null; then
            side=$(grep -oE '[0-9]+ x [0-9]+' "$output" | tr -s ' x' '\n' | sort -n | tail -1 || true)
            [ "${side:-99999}" -le 3000 ] || wrong+=("a picture is ${side:-?} pixels wide or high")
        fi ;;
    train_dot_runs_becomes_a_class) has 'rc=0' && never '6 classes' ;;
    train_val_test_as_classes) has '--validation' ;;
    esac
    return 0
}

[ $# -gt 0 ] || set -- $(ls "$cases")
failed=0
for case in "$@"; do
    output=$TMPDIR/$case.log
    wrong=()
    timeout 300 bash "$cases/$case/run.sh" >"$output" 2>&1 </dev/null || true
    check "$case"
    if [ ${#wrong[@]} -eq 0 ]; then
        echo "ok      $case"
    else
        failed=$((failed + 1))
        echo "WRONG   $case"
        printf '        %s\n' "${wrong[@]}"
        if [ -n "${VERBOSE:-}" ]; then sed 's/^/        | /' "$output" | tail -40; fi
    fi
done
echo "$(($# - failed)) passed, $failed failed"
[ $failed -eq 0 ]

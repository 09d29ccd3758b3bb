#!/usr/bin/env bash
# Time of a training step of two commits, in turn: each round runs both, the order changing.
#
#     bench/step_time/before_after.sh BEFORE AFTER [ROUNDS]
#
# BEFORE and AFTER are folders of two checkouts, in each of which `cargo build --release -p petal --example step_time` was
# run. Prints the medians in milliseconds and their ratio.
set -euo pipefail
before=$1/target/release/examples/step_time after=$2/target/release/examples/step_time rounds=${3:-5}
for model in cnn frozen fine-tune; do
    for round in $(seq "$rounds"); do
        order=(before after)
        [ $((round % 2)) = 1 ] || order=(after before)
        for side in "${order[@]}"; do
            echo "$side $("${!side}" $model)"
        done
    done | awk -v model=$model '
        { times[$1] = times[$1] " " $NF }
        function median(list,  values, n, i, j, swap) {
            n = split(list, values, " ")
            for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++)
                if (values[j] < values[i]) { swap = values[i]; values[i] = values[j]; values[j] = swap }
            return values[int((n + 1) / 2)]
        }
        END {
            b = median(times["before"]); a = median(times["after"])
            printf "%-10s before %.1f ms, after %.1f ms, ratio %.3f\n", model, b, a, a / b
        }'
done

"""Makes a table of medians, and of Petal's ratio to each peer, from lines `row who value` on stdin.

    python bench/table.py UNIT < lines
"""

import statistics
import sys

unit = sys.argv[1]
rows = {}
for line in sys.stdin:
    row, who, value = line.split()
    rows.setdefault(row, {}).setdefault(who, []).append(float(value))

print(f"| | | {unit}, each round | median | Petal's ratio |")
print("|---|---|---|---|---|")
for row, everyone in rows.items():
    petal = statistics.median(everyone["petal"])
    for who, values in everyone.items():
        median = statistics.median(values)
        digits = 0 if median >= 20 else 1 if median >= 2 else 3
        ratio = "" if who == "petal" else f"{petal / median:.2f}"
        rounds = " ".join(f"{value:.{digits}f}" for value in values)
        print(f"| {row} | {who} | {rounds} | {median:.{digits}f} | {ratio} |")

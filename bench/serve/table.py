"""A table of the lines that bench/serve/run.sh gathers: medians of the rounds."""

import sys
from collections import defaultdict
from statistics import median

rates, half, most, memory = (defaultdict(list) for _ in range(4))
for line in sys.stdin:
    name, clients, *values = line.split("\t")
    if clients == "memory":
        memory[name].append(float(values[0]))
        continue
    for table, value in zip((rates, half, most), values):
        table[name, int(clients)].append(float(value))

print("| server | clients | photos/s | p50, ms | p99, ms | MB at the peak |\n|---|---|---|---|---|---|")
for name, clients in rates:
    numbers = [f"{median(table[name, clients]):.{digits}f}" for table, digits in ((rates, 0), (half, 1), (most, 1))]
    print(f"| {name} | {clients} | {' | '.join(numbers)} | {median(memory[name]):.0f} |")

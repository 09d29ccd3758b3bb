"""Makes a table of medians and of Petal's ratio to each peer from lines `model peer milliseconds` on stdin."""

import statistics
import sys

times = {}
for line in sys.stdin:
    model, peer, milliseconds = line.split()
    times.setdefault(model, {}).setdefault(peer, []).append(float(milliseconds))

print("| model | | ms a step, each round | median | Petal's share |")
print("|---|---|---|---|---|")
for model, peers in times.items():
    petal = statistics.median(peers["petal"])
    for peer, values in peers.items():
        median = statistics.median(values)
        share = "" if peer == "petal" else f"{petal / median:.2f}"
        print(f"| {model} | {peer} | {' '.join(f'{value:.0f}' for value in values)} | {median:.0f} | {share} |")

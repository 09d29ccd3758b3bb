"""Runs the kernels' benchmarks and prints a table of their GFLOPS and their share of the machine's matrix product.

    python3 bench/kernels/share.py [FILTER…]        # e.g. depthwise; RAYON_NUM_THREADS=1 for one core

Medians of what `cargo bench -p petal-kernels` measures. Kernels that memory bounds are not in the table, since they count
bytes.
"""

import re
import subprocess
import sys

GIGA = {"G": 1, "M": 1e-3, "T": 1e3}


def benchmarks(text):
    """Yields (path, milliseconds' text, GFLOPS) from divan's tree."""
    path, time = [], None
    for line in text.splitlines():
        columns = [column.strip() for column in line.split("│ ")]
        branch = re.match(r"^([│ ]*)[├╰]─ (.*)$", line)
        if branch:
            depth = len(branch[1]) // 3
            name, *cells = re.split(r" {2,}", branch[2].strip(), maxsplit=1)
            path[depth:] = [name]
            cells = [cell.strip() for cell in cells[0].split("│")] if cells else []
            time = cells[2] if len(cells) > 2 and cells[2] else None
        elif time and (rates := re.findall(r"([\d.]+) ([GMT])item/s", line)):
            value, unit = rates[2]
            yield list(path), time, float(value) * GIGA[unit]
            time = None


def run(filters):
    command = ["cargo", "bench", "-q", "-p", "petal-kernels", "--", *filters]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


filters = sys.argv[1:]
found = list(benchmarks(run([*filters, "sgemm"] if filters else [])))
[sgemm] = [rate for path, _, rate in found if path == ["sgemm"]]
print(f"Matrix product of 1536×1536, by the gemm crate: {sgemm:.0f} GFLOPS.\n")
print("| kernel | shape | median | GFLOPS | share |\n|---|---|---|---|---|")
for path, time, rate in found:
    if path != ["sgemm"]:
        *kernel, shape = path
        print(f"| {' '.join(kernel)} | {shape} | {time} | {rate:.0f} | {100 * rate / sgemm:.0f} % |")

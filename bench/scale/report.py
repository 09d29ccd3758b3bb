"""Makes tables, and a plot where matplotlib is there, from lines `axis threads what value milliseconds` on stdin.

    python bench/scale/report.py PLOT.svg < lines
"""

import sys

AXES = {
    # axis: title, and what its time a photo is divided by to be compared: the pixels' number, or nothing.
    "size": ("image size, batch of 32", lambda value: (value / 180) ** 2),
    "batch": ("batch size, 180x180", lambda value: 1),
    "photos": ("photos of 32x32 in the folder", lambda value: 1),
}

curves = {}
for line in sys.stdin:
    axis, threads, what, value, milliseconds = line.split()
    curves.setdefault(axis, {}).setdefault((what, int(threads)), []).append((int(value), float(milliseconds)))

for axis, (title, arithmetic) in AXES.items():
    values = [value for value, _ in next(iter(curves[axis].values()))]
    print(f"| {title} | " + " | ".join(f"{value:,}" for value in values) + " |")
    print("|---" * (len(values) + 1) + "|")
    for (what, threads), points in curves[axis].items():
        cells = " | ".join(f"{milliseconds:.3g}" for _, milliseconds in points)
        print(f"| {what}, {threads} thread{'s'[: threads > 1]}, ms a photo | {cells} |")
        if axis == "size":
            cells = " | ".join(f"{milliseconds / arithmetic(value):.3g}" for value, milliseconds in points)
            print(f"| the same for as many pixels as 180x180 has | {cells} |")
    print()

try:
    import matplotlib.pyplot as plt
except ImportError:
    sys.exit()
figure, axes = plt.subplots(1, len(AXES), figsize=(12, 3.6), layout="constrained")
for axis, (name, (title, arithmetic)) in zip(axes, AXES.items()):
    for (what, threads), points in curves[name].items():
        x, y = zip(*((value, milliseconds / arithmetic(value)) for value, milliseconds in points))
        axis.plot(x, y, marker="o", label=f"{what}, {threads} thread{'s'[: threads > 1]}")
    axis.set(title=title, ylim=(0, 1.5 * axis.get_ylim()[1]), ylabel="ms a photo" + (" of 180x180 pixels" if name == "size" else ""))
    axis.set_xscale("log")
    axis.set_xticks(x, [f"{value:,}" for value in x])
    axis.minorticks_off()
    axis.legend(loc="upper right", fontsize="small")
figure.savefig(sys.argv[1])
print(f"plot: {sys.argv[1]}")

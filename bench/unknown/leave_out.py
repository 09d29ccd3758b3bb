"""How well `petal predict --unknown` tells photos of a class that the model has never seen.

    python bench/unknown/leave_out.py PETAL FLOWER_PHOTOS WEIGHTS

Each class is left out in turn: MobileNetV2 with a head that `--fit-head` finds learns the others, but for every fifth photo of
theirs. Then it is asked about those, which it should keep, and about the photos of the class that was left out.
"""

import json
import pathlib
import subprocess
import sys
import tempfile


def auroc(known, unknown):
    """How often a known photo has the higher value; equal ones count half."""
    values = sorted([(value, 1) for value in known] + [(value, 0) for value in unknown])
    wins, below, i = 0.0, 0, 0
    while i < len(values):
        equals = [kind for value, kind in values[i:] if value == values[i][0]]
        zeros = equals.count(0)
        wins += equals.count(1) * (below + zeros / 2)
        below += zeros
        i += len(equals)
    return wins / (len(known) * len(unknown))


def main(petal, photos, weights):
    petal, photos, weights = (str(pathlib.Path(path).resolve()) for path in (petal, photos, weights))
    classes = sorted(path.name for path in pathlib.Path(photos).iterdir() if path.is_dir())
    rows = []
    for left_out in classes:
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            for name in classes:
                for i, photo in enumerate(sorted(pathlib.Path(photos, name).glob("*.jpg"))):
                    part = "unknown" if name == left_out else "known" if i % 5 == 0 else "train"
                    (folder / part / name).mkdir(parents=True, exist_ok=True)
                    (folder / part / name / photo.name).symlink_to(photo)
            train = ["train", "train", "--model", "mobilenet-v2", "--weights", weights, "--fit-head", "--quiet"]
            run = lambda *arguments: subprocess.run(
                [petal, *arguments], cwd=folder, check=True, capture_output=True, text=True
            ).stdout
            run(*train, "--output", "run")
            ask = lambda part: [
                json.loads(line) for line in run("predict", "run", part, "--json", "--unknown", "0.95").splitlines()
            ]
            known, unknown = ask("known"), ask("unknown")
        share = lambda answers: sum(answer["class"] == "unknown" for answer in answers) / len(answers)
        by = lambda key: auroc([answer[key] for answer in known], [answer[key] for answer in unknown])
        rows.append((by("familiarity"), by("probability"), 1 - share(known), share(unknown)))
        print_row(left_out, rows[-1])
    print_row("mean", [sum(column) / len(rows) for column in zip(*rows)])


def print_row(name, row):
    energy, probability, kept, caught = row
    print(
        f"{name:12} AUROC {energy:.3f}, by probability {probability:.3f}; kept {kept:.1%} of the known,"
        f" found {caught:.1%} of the unknown",
        flush=True,
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

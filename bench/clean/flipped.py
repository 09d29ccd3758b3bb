"""How well flipped labels are found: Petal, and cleanlab on the same features. Arguments: petal, photos, weights.

Flips 5 % of the labels by a seed, in a folder of links, and prints average precision and recall at the flipped number."""

import random, subprocess, sys, tempfile
from pathlib import Path

import numpy as np
import csv
from cleanlab.rank import get_label_quality_scores
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import cross_val_predict

petal, photos, weights = (Path(argument).resolve() for argument in sys.argv[1:4])
seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
draw = random.Random(seed)
classes = sorted(folder.name for folder in photos.iterdir() if folder.is_dir())
files = sorted(photos.glob("*/*.jpg"))
flipped = set(draw.sample(files, len(files) // 20))
with tempfile.TemporaryDirectory() as at:
    at = Path(at)
    for name in classes:
        (at / "photos" / name).mkdir(parents=True)
    for file in files:
        name = file.parent.name
        if file in flipped:
            name = draw.choice([other for other in classes if other != name])
        (at / "photos" / name / f"{file.parent.name}-{file.name}").symlink_to(file)
    subprocess.run([petal, "clean", "photos", "--weights", weights, "--probabilities", "p.csv", "--features", "f.npy"],
                   cwd=at, check=True)
    rows = list(csv.reader((at / "p.csv").open()))[1:]
    features = np.load(at / "f.npy")
own = np.array([[float(value) for value in row[2:]] for row in rows])
labels = np.array([classes.index(row[1]) for row in rows])
wrong = np.array([Path(row[0]).name.rsplit("-", 1)[0] != row[1] for row in rows])


def line(name, quality):
    first = np.argsort(quality, kind="stable")[: wrong.sum()]
    print(f"{name:45} AP {average_precision_score(wrong, -quality):.4f}  recall {wrong[first].mean():.4f}")


theirs = cross_val_predict(LogisticRegression(max_iter=1000), features, labels, cv=5, method="predict_proba")
print(f"{wrong.sum()} of {len(labels)} labels flipped, seed {seed}")
for method in ("self_confidence", "normalized_margin"):
    line(f"Petal's probabilities, {method}", get_label_quality_scores(labels, own, method=method))
    line(f"cleanlab on a LogisticRegression, {method}", get_label_quality_scores(labels, theirs, method=method))

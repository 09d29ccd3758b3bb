"""See run.sh."""

import io
import os
import pathlib
import random as python_random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

import damage
import kills
from binary import PETAL, Run
from server import Server
from tally import Tally, table

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "crates/petal/tests/fixtures"
PARTS = ["kills", "photos", "models", "settings", "archives"]
LARGEST = 1_000_000


def files(*endings):
    return [(path.name, path.read_bytes()) for ending in endings for path in sorted(FIXTURES.rglob(f"*{ending}"))
            if path.stat().st_size <= LARGEST]


def archives(photos):
    """The same photos in each kind of archive."""
    entries = sorted(path for path in photos.rglob("*") if path.is_file())[::4]
    made = []
    for name, mode in {"photos.tar": "w", "photos.tar.gz": "w:gz"}.items():
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode=mode) as archive:
            for path in entries:
                archive.add(path, path.relative_to(photos.parent))
        made.append((name, content.getvalue()))
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for path in entries:
            archive.write(path, path.relative_to(photos.parent))
    return [*made, ("photos.zip", content.getvalue())]


def interrupted_run(photos, folder):
    """A run's folder with a checkpoint: one that was killed after an epoch."""
    run = ["train", photos, *kills.SMALL, "--epochs", "60", "-o", "run"]
    for seconds in [1.5, 3, 6, 12]:
        shutil.rmtree(folder / "run", ignore_errors=True)
        Run(run, folder, kill_after=seconds)
        if (folder / "run/checkpoint.petal").exists():
            return folder / "run"
    sys.exit("no epoch ends within 12 seconds")


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    parts = sys.argv[2:] or PARTS
    if unknown := set(parts) - set(PARTS):
        sys.exit(f"there is no part {', '.join(unknown)}; the parts are {', '.join(PARTS)}")
    seed = int(os.environ.get("SEED", time.time_ns() % 1_000_000))
    random = python_random.Random(seed)
    failures = pathlib.Path(tempfile.gettempdir()) / f"petal-soak-{seed}"
    print(f"{subprocess.run([PETAL, '--version'], capture_output=True, text=True).stdout.strip()}, SEED={seed}")

    def keep(name, folder, text):
        place = failures / f"{name.replace(', ', '-').replace(' ', '-')}-{len(list(failures.glob('*')))}"
        shutil.copytree(folder, place, symlinks=True)
        (place / "what-happened.txt").write_text(text)
        return place

    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        server = Server()
        photos = scratch / "photos"
        setup = Run(["sample-data", "photos", "--per-class", "8"], scratch)
        if setup.code != 0:
            sys.exit(f"sample photos cannot be drawn:\n{setup}")

        def fresh():
            return pathlib.Path(tempfile.mkdtemp(dir=scratch))

        trials = []
        if "kills" in parts:
            for work in kills.works(photos, server, archives(photos)[1][1]):
                folder = fresh()
                kills.undisturbed(work, folder)
                shutil.rmtree(folder)
                tally = Tally(f"kill -9: {work.name}", keep)
                trials.append((tally, lambda folder, work=work, tally=tally:
                               kills.disturb(random, work, tally, folder)))
        samples = [(path.name, path.read_bytes()) for path in sorted(photos.rglob("*.jpg"))]
        if "photos" in parts:
            tally = Tally("damaged photos", keep)
            originals = files(".jpg", ".png", ".gif", ".bmp", ".webp") + samples[::3]
            trials.append((tally, lambda folder, tally=tally: damage.photos(random, tally, folder, originals)))
        if "models" in parts or "settings" in parts:
            interrupted = interrupted_run(photos, fresh())
        if "models" in parts:
            tally = Tally("damaged models", keep)
            known = files(".keras", ".h5") + [("model.petal", (interrupted / "checkpoint.petal").read_bytes())] * 4
            trials.append((tally, lambda folder, tally=tally:
                           damage.models(random, tally, folder, known, samples[0][1])))
        if "settings" in parts:
            tally = Tally("damaged settings", keep)
            trials.append((tally, lambda folder, tally=tally: damage.settings(random, tally, folder, interrupted)))
        if "archives" in parts:
            tally = Tally("damaged archives", keep)
            packed = archives(photos)
            trials.append((tally, lambda folder, tally=tally:
                           damage.archives(random, tally, folder, packed, server)))

        # All take turns, so that a short soak has tried everything.
        end = time.monotonic() + 60 * minutes
        while time.monotonic() < end:
            for tally, trial in trials:
                folder = fresh()
                trial(folder)
                shutil.rmtree(folder, ignore_errors=True)
        print()
        print(table([tally for tally, _ in trials]))
        if server.resumed:
            print(f"\n{server.resumed} downloads went on where they were killed.")
        return 1 if any(tally.failures for tally, _ in trials) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Damaged photos, models, settings and archives: each is refused with a word, or used, but nothing panics or hangs."""

import shutil

from binary import Run
from mutate import mutate, mutate_text

# A model that takes longer was made by damage that asks for more work; a person would have given up.
PATIENCE = 60


def checked(tally, arguments, folder):
    """Runs a command that may refuse what it gets, but must say so."""
    run = Run(arguments, folder, timeout=PATIENCE)
    if tally.sound(run, [run], folder) and run.code != 0 and "petal: " not in run.text and run.code != 2:
        tally.fail("wrong", f"exit code {run.code} without a word", [run], folder)
    return run


def photos(random, tally, folder, originals):
    """A folder of which half of the photos are damaged."""
    tally.add("tried")
    others = [content for _, content in originals]
    for i, (name, content) in enumerate(random.sample(originals, min(len(originals), 24))):
        place = folder / "photos" / f"class{i % 3}" / f"{i}-{name}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(mutate(random, content, others) if i % 2 else content)
    size = str(random.choice([8, 16, 33]))
    checked(tally, ["train", "photos", "--image-size", size, "--epochs", "1", "-o", "run"], folder)
    checked(tally, ["predict", random.choice(["run", "photos"]), "photos"], folder)


def models(random, tally, folder, originals, photo):
    """A model file, through what reads models."""
    tally.add("tried")
    name, content = random.choice(originals)
    others = [content for _, content in originals]
    ending = name[name.index("."):]
    (folder / f"model{ending}").write_bytes(mutate(random, content, others))
    (folder / "photo.jpg").write_bytes(photo)
    checked(tally, ["summary", f"model{ending}"], folder)
    checked(tally, ["predict", f"model{ending}", "photo.jpg"], folder)
    if random.random() < 0.2:
        checked(tally, ["explain", f"model{ending}", "photo.jpg"], folder)


def settings(random, tally, folder, interrupted):
    """The settings of an interrupted run."""
    tally.add("tried")
    shutil.copytree(interrupted, folder / "run")
    file = folder / "run/settings.json"
    file.write_text(mutate_text(random, file.read_text()))
    before = {path.name for path in (folder / "run").iterdir()}
    run = checked(tally, ["train", "--resume", "run", "--quiet"], folder)
    if run.code not in (0, None) and "checkpoint.petal" in before and not (folder / "run/checkpoint.petal").exists():
        tally.fail("lost", "the checkpoint is gone, though nothing was trained", [run], folder)


def archives(random, tally, folder, originals, server):
    """An archive from a server: unpacked whole, or nothing is there under its name."""
    tally.add("tried")
    name, content = random.choice(originals)
    damaged = mutate(random, content, [content for _, content in originals])
    url = server.offer(name, damaged)
    run = checked(tally, ["download", url, "--name", "photos", "--extract", "--quiet", "-o", "cache"], folder)
    left = sorted(path.name for path in (folder / "cache").iterdir())
    allowed = [["photos", "photos_archive"]] if run.code == 0 else [[], ["photos_archive"]]
    if left not in allowed:
        tally.fail("wrong", f"exit code {run.code} leaves {', '.join(left) or 'nothing'}", [run], folder)

"""kill -9 at a random instant, again and again; then the work is gone on with until it is done, and compared with work
that nobody has disturbed."""

import hashlib

from binary import Run

# Of the same training, wherever it was killed.
SAME = ["history.csv", "history.json", "model.petal"]
SMALL = ["--image-size", "32", "--batch-size", "8", "--seed", "1"]


class Work:
    """A command, the command that goes on with it, and what both must leave."""

    def __init__(self, name, start, resume, result):
        self.name, self.start, self.resume, self.result = name, start, resume, result
        # The result, the names of its files and the seconds of an undisturbed run.
        self.expected = self.names = self.seconds = None


def digests(folder, wanted=None):
    """What is in the files of a folder (those whose names are wanted)."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (wanted is None or path.name in wanted):
            found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def works(photos, server, archive):
    def train(name, *arguments):
        start = ["train", photos, *SMALL, *arguments, "-o", "run"]
        return Work(name, start, ["train", "--resume", "run"], lambda folder: digests(folder / "run", SAME))

    everything = lambda name: lambda folder: digests(folder / name)
    url = server.offer("flowers.tar.gz", archive, seconds=1.0)
    download = ["download", url, "--name", "flowers", "--extract", "--quiet", "-o", "cache"]
    sample_data = ["sample-data", "photos", "--per-class", "20"]
    lecture = ["lecture", photos, "--phases", "1,2", "--epochs-scale", "0.1", "-o", "run"]
    return [
        train("train", "--epochs", "8"),
        train("train, early stopping", "--model", "cnn-regularized", "--epochs", "12", "--early-stopping", "2"),
        train("train, fine-tuning", "--model", "mobilenet-v2", "--weights", "none", "--epochs", "3",
              "--fine-tune-at", "100", "--fine-tune-epochs", "3"),
        Work("lecture", lecture, ["lecture", "--resume", "run"],
             lambda folder: {name: digest for name, digest in digests(folder / "run").items()
                             if name.endswith((".petal", ".csv"))}),
        Work("sample-data", sample_data, sample_data, everything("photos")),
        Work("download", download, download, everything("cache/flowers")),
    ]


def undisturbed(work, folder):
    """Does the work once, to know what it leaves."""
    run = Run(work.start, folder)
    if run.code != 0:
        raise SystemExit(f"{work.name} fails without being disturbed:\n{run}")
    work.expected, work.names, work.seconds = work.result(folder), names(folder), run.seconds


def disturb(random, work, tally, folder):
    """Kills the work at random instants, and does the rest."""
    tally.add("tried")
    runs, reported, begun = [], 0, False
    while True:
        # Later kills are rarer, so that there is an end.
        kill = random.random() < 0.9 if not runs else random.random() < 0.4
        after = random.uniform(0, work.seconds * 1.1) if kill and len(runs) < 8 else None
        run = Run(work.resume if begun else work.start, folder, kill_after=after)
        runs.append(run)
        if not tally.sound(run, runs, folder):
            return
        if run.code not in (0, None):
            if begun and reported == 0 and work.resume != work.start:
                # Killed before anything was reported: the first command begins again.
                begun = False
                retry = Run(work.start, folder)
                runs.append(retry)
                if not tally.sound(retry, runs, folder):
                    return
                if retry.code != 0:
                    tally.fail("wrong", "can neither be gone on with nor begun again", runs, folder)
                    return
                break
            tally.fail("lost" if reported else "wrong", f"exit code {run.code} after a kill", runs, folder)
            return
        first = run.epochs_begun()[:1]
        # Phases of a lecture and fine-tuning count from where they are.
        if begun and first and first[0] <= reported and "lecture" not in work.name:
            tally.fail("lost", f"{reported} epochs were reported, and epoch {first[0]} is done again", runs, folder)
            return
        reported = max(reported, (first[0] - 1 if first else 0) + run.epochs_reported())
        begun = True
        if run.killed:
            tally.add("killed")
        else:
            break
    found = work.result(folder)
    if found != work.expected:
        different = [name for name in {**found, **work.expected} if found.get(name) != work.expected.get(name)]
        tally.fail("lost", f"not what an undisturbed run leaves: {', '.join(sorted(different))}", runs, folder)
    elif names(folder) != work.names:
        left = sorted(set(names(folder)) ^ set(work.names))
        tally.fail("wrong", f"files are left over or missing: {', '.join(left[:9])}", runs, folder)

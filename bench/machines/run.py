"""Training by several ranks of MPI, on one machine: python bench/machines/run.py PETAL PHOTOS WEIGHTS.h5 [PART…]

PETAL is the binary of crates/petal-mpi, PHOTOS a folder of photos, WEIGHTS those of MobileNetV2 without its top. Parts:

speed  photos a second of `mpirun -n 2` with a thread each beside one process with two threads, in turn; how far apart the
       weights are after three epochs, beside what one last bit of the first weights does in the same time; bits of two runs
kill   a rank is killed at a random instant; nothing may hang, and 1, 2 and 3 ranks go on to what an undisturbed run gives
hosts  the same speed between two hosts of network namespaces, at 1 Gbit/s and, where the kernel has netem, 0.2 ms (root,
       `ip`, `tc`)

Needs numpy.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from weights import apart

HERE = Path(__file__).resolve().parent
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe"]
arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
arguments.add_argument("petal", type=Path)
arguments.add_argument("photos", type=Path)
arguments.add_argument("weights", type=Path)
arguments.add_argument("parts", nargs="*", default=["speed", "kill", "hosts"])
arguments.add_argument("--per-class", type=int, default=120, help="photos of each class that are used")
arguments.add_argument("--rounds", type=int, default=3)
arguments.add_argument("--kills", type=int, default=50)
given = arguments.parse_args()
petal = str(given.petal.resolve())
work = Path(tempfile.mkdtemp(prefix="petal-machines-"))
photos = work / "photos"
for folder in sorted(path for path in given.photos.iterdir() if path.is_dir()):
    (photos / folder.name).mkdir(parents=True)
    for file in sorted(folder.glob("*.jpg"))[: given.per_class]:
        shutil.copy(file, photos / folder.name)

CNN = ["--model", "cnn", "--epochs", "3"]
FINE_TUNED = ["--model", "mobilenet-v2", "--weights", str(given.weights.resolve()), "--fit-head"]
FINE_TUNED += ["--fine-tune-at", "100", "--fine-tune-epochs", "3"]
NETWORKS = {"CNN": CNN, "MobileNetV2, fine-tuned": FINE_TUNED}


def train(run, options, before=(), **more):
    """Trains into the folder `run`; the seconds of each epoch."""
    command = [*before, petal, "train", str(photos), "--quiet", "--output", str(work / run), *options]
    subprocess.run(command, cwd=work, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **more)
    return json.loads((work / run / "progress.json").read_text())["seconds"]


def rate(run, seconds):
    """Training photos a second, validation and checkpoint included, of the epochs after the first."""
    rows = (work / run / "photos.csv").read_text().splitlines()
    return 0.8 * (len(rows) - 1) / statistics.median(seconds[1:])


def one_ulp(run, other):
    """A copy of a run whose checkpoint's weights are moved by their last bit."""
    shutil.copytree(work / run, work / other)
    path = work / other / "checkpoint.petal"
    data = bytearray(path.read_bytes())
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    for name, tensor in header.items():
        if name != "__metadata__" and not name.startswith("/optimizer"):
            begin, end = (8 + length + offset for offset in tensor["data_offsets"])
            for at in range(begin, end, 4):
                data[at] ^= random.getrandbits(1)
    path.write_bytes(data)


def speed(before=MPIRUN, where="one machine"):
    print(f"\n## Two ranks on {where}, a thread each, beside one process with two threads\n")
    print("| network | one process, photos/s | two ranks, photos/s | ratio | weights apart | worst tensor | twice the same bits |")
    print("|---|---|---|---|---|---|---|")
    for name, options in NETWORKS.items():
        ways = {"alone": (["--threads", "2"], []), "ranks": (["--threads", "1"], [*before, "-n", "2"])}
        rates = {way: [] for way in ways}
        for number in range(given.rounds):
            for way, (threads, start) in ways.items():
                run = f"{name}-{where}-{way}-{number}".replace(" ", "-").replace(",", "")
                rates[way].append(rate(run, train(run, [*options, *threads], start)))
        prefix = f"{name}-{where}".replace(" ", "-").replace(",", "")
        model = lambda way, number: work / f"{prefix}-{way}-{number}" / "checkpoint.petal"
        distance, worst, _ = apart(model("alone", 0), model("ranks", 0))
        same = all(apart(model("ranks", 0), model("ranks", number))[2] for number in range(1, given.rounds))
        alone, ranks = (statistics.median(rates[way]) for way in ways)
        print(f"| {name} | {alone:.1f} | {ranks:.1f} | {ranks / alone:.2f} | {distance:.1e} | {worst:.1e} | {'yes' if same else 'NO'} |")
        print(f"  rounds: {[round(r, 1) for r in rates['alone']]} and {[round(r, 1) for r in rates['ranks']]}", file=sys.stderr)


def last_bits():
    print("\nOne process alone, and the same gone on with after an epoch from weights whose last bits are other:\n")
    print("| network | weights apart after two epochs more | worst tensor |")
    print("|---|---|---|")
    first, more = CNN[:2] + ["--epochs", "1"], ["--epochs", "3"]
    train("bits", first)
    shutil.copytree(work / "bits", work / "bits-same")
    one_ulp("bits", "bits-moved")
    for run in ["bits-same", "bits-moved"]:
        subprocess.run([petal, "train", "--resume", run, "--quiet", *more], cwd=work, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    distance, worst, _ = apart(work / "bits-same" / "checkpoint.petal", work / "bits-moved" / "checkpoint.petal")
    print(f"| CNN | {distance:.1e} | {worst:.1e} |")


def ranks_below(process):
    found = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True)
    return [int(number) for number in found.stdout.split()]


def kill():
    print(f"\n## A rank killed (-9) at {given.kills} random instants\n")
    options = ["--model", "cnn", "--image-size", "64", "--epochs", "20", "--threads", "1"]
    begin = time.time()
    train("whole", options, [*MPIRUN, "-n", "2"])
    whole = time.time() - begin
    outcomes = {"ended with an error": 0, "had ended already": 0, "HUNG": 0}
    longest, gone_on, others, between = 0.0, {1: [], 2: [], 3: []}, 0, 0
    for number in range(given.kills):
        run = f"killed-{number}"
        command = [*MPIRUN, "-n", "2", petal, "train", str(photos), "--quiet", "--output", run, *options]
        job = subprocess.Popen(command, cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        time.sleep(random.uniform(0.3, whole))
        below = ranks_below(job.pid)
        if below:
            os.kill(random.choice(below), signal.SIGKILL)
        begin = time.time()
        try:
            _, said = job.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            outcomes["HUNG"] += 1
            job.kill()
            continue
        longest = max(longest, time.time() - begin)
        outcomes["had ended already" if job.returncode == 0 else "ended with an error"] += 1
        if job.returncode == 0 or not (work / run / "settings.json").exists():
            others += 1
            continue
        ranks = 1 + number % 3
        progress = work / run / "progress.json"
        between += progress.exists() and len(json.loads(progress.read_text())["seconds"]) < 20
        resumed = subprocess.run(
            [*MPIRUN, "-n", str(ranks), petal, "train", "--resume", run, "--quiet", "--threads", "1"],
            cwd=work, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=300,
        )
        if resumed.returncode != 0:
            if "has ended after epoch" in resumed.stderr:
                others += 1
                continue
            print(f"run {number} on {ranks} ranks: {resumed.stderr}")
        gone_on[ranks].append(apart(work / "whole" / "model.petal", work / run / "model.petal")[0])
        shutil.rmtree(work / run)
    print(", ".join(f"{count} {what}" for what, count in outcomes.items() if count or what == "HUNG"))
    print(f"; {between} were killed between the first and the last checkpoint; the longest time from the kill to the end of the job was {longest:.1f} s")
    for ranks, distances in gone_on.items():
        if distances:
            print(f"- {len(distances)} gone on with on {ranks} ranks: weights at most {max(distances):.1e} apart from the undisturbed run of two")
    print(f"- {others} had ended, or had not begun")


def hosts():
    subprocess.run([HERE / "hosts.sh", "up"], check=True)
    try:
        # Both see the same cores, and would bind their ranks to the first.
        agent = ["--bind-to", "none", "--mca", "mpi_yield_when_idle", "1", "--mca", "plm_rsh_agent", str(HERE / "agent.sh"), "--host", "10.77.0.1,10.77.0.2"]
        network = ["--mca", "btl", "tcp,self", "--mca", "btl_tcp_if_include", "10.77.0.0/24", "--mca", "oob_tcp_if_include", "10.77.0.0/24"]
        within = ["ip", "netns", "exec", "petal1", "unshare", "--uts", "sh", "-c", 'hostname petal1; exec "$@"', "sh"]
        speed([*within, *MPIRUN, *agent, *network], "two hosts at 1 Gbit/s")
    finally:
        subprocess.run([HERE / "hosts.sh", "down"], check=True)


try:
    for part in given.parts:
        {"speed": lambda: (speed(), last_bits()), "kill": kill, "hosts": hosts}[part]()
        sys.stdout.flush()
except subprocess.CalledProcessError as error:
    sys.exit(f"{error}\n{(error.stderr or b'').decode(errors='replace')}")
finally:
    shutil.rmtree(work, ignore_errors=True)

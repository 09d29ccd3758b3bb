"""Runs a command and prints `training NAME <peak of its resident memory in MB>`.

    python bench/memory/peak.py NAME COMMAND…
"""

import resource
import subprocess
import sys

name, *command = sys.argv[1:]
subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(f"training {name} {kilobytes / 1e3:.0f}")

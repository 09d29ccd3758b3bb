"""Runs `load_folder FLOWER_PHOTOS` and prints what peers.py prints, for Petal.

    python bench/input/petal.py target/release/examples/load_folder FLOWER_PHOTOS
"""

import re
import resource
import subprocess
import sys

text = subprocess.run(sys.argv[1:], check=True, capture_output=True, text=True).stdout
count, per_second = re.search(r"(\d+) photos in .*: (\d+) photos/s", text).groups()
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
print(f"decode petal {per_second}")
print(f"processor-time petal {(usage.ru_utime + usage.ru_stime) / int(count) * 1e3:.3f}")

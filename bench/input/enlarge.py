"""Makes photos of 12 megapixels of some of a folder's: 4032x3024, JPEG quality 90.

    python bench/input/enlarge.py FLOWER_PHOTOS OUTPUT [PHOTOS]

Takes PHOTOS (default: 60) evenly from the sorted files of all classes.
"""

import pathlib
import sys

from PIL import Image

source, output = map(pathlib.Path, sys.argv[1:3])
count = int(sys.argv[3]) if len(sys.argv) > 3 else 60
paths = sorted(source.glob("*/*.jpg"))
for i in range(count):
    path = paths[i * len(paths) // count]
    to = output / path.relative_to(source)
    to.parent.mkdir(parents=True, exist_ok=True)
    Image.open(path).convert("RGB").resize((4032, 3024), Image.Resampling.BICUBIC).save(to, quality=90)

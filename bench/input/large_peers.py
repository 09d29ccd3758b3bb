"""Photos a second that a peer reads from a folder of photos of 12 megapixels to 180x180, one pass.

    python bench/input/large_peers.py FOLDER tf.data|tf.data,ratio=8|pillow,draft

tf.data decodes whole JPEGs, as Keras' `image_dataset_from_directory` does, or at an eighth of their size; Pillow's
`draft` does the latter in the workers of a PyTorch `DataLoader`, one a core. Prints `12-megapixels <peer> <photos a
second>`.
"""

import os
import pathlib
import sys
import time

folder, peer = sys.argv[1:]
paths = sorted(str(path) for path in pathlib.Path(folder).glob("*/*.jpg"))
cores = len(os.sched_getaffinity(0))

if peer.startswith("tf.data"):
    import tensorflow as tf

    ratio = int(peer.partition("=")[2] or 1)

    def load(path):
        return tf.image.resize(tf.io.decode_jpeg(tf.io.read_file(path), channels=3, ratio=ratio), (180, 180))

    batches = tf.data.Dataset.from_tensor_slices(paths).map(load, num_parallel_calls=tf.data.AUTOTUNE).batch(32)
else:
    import numpy
    import torch
    from PIL import Image

    class Photos(torch.utils.data.Dataset):
        def __len__(self):
            return len(paths)

        def __getitem__(self, sample):
            photo = Image.open(paths[sample])
            photo.draft("RGB", (360, 360))
            return torch.from_numpy(numpy.array(photo.convert("RGB").resize((180, 180), Image.Resampling.BILINEAR)))

    batches = torch.utils.data.DataLoader(Photos(), batch_size=max(1, len(paths) // (4 * cores)), num_workers=cores)

start = time.perf_counter()
count = sum(batch.shape[0] for batch in batches)
print(f"12-megapixels {peer} {count / (time.perf_counter() - start):.1f}")

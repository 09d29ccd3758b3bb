"""Photos a second that Keras' `image_dataset_from_directory` (tf.data) decodes from disk to 180x180, one pass.

    python bench/input/peers.py FLOWER_PHOTOS

Prints `decode tf.data <photos a second>` and `processor-time tf.data <ms a photo>`, of which the second hardly depends
on what else the machine does.
"""

import sys
import time

import keras

photos = keras.utils.image_dataset_from_directory(sys.argv[1], image_size=(180, 180), seed=42, verbose=False)
count, start, used = 0, time.perf_counter(), time.process_time()
for pixels, _ in photos:
    count += pixels.shape[0]
print(f"decode tf.data {count / (time.perf_counter() - start):.0f}")
print(f"processor-time tf.data {(time.process_time() - used) / count * 1e3:.3f}")

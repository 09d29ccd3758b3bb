"""Photos a second that MobileNetV2 (180x180, a head for 5 classes, random weights) classifies in inference mode.

    python bench/inference/peers.py PEER [FOLDER]

PEER is torch (channels-last, `torch.inference_mode`) or onnxruntime (the same model, exported by `torch.onnx`).
Prints `tensors-1` and `tensors-32`, the model alone on batches of 1 and 32 in memory, and with a FOLDER of JPEGs
`folder`: photos decoded by libjpeg-turbo and resized on one thread while the other computes.
"""

import concurrent.futures
import pathlib
import sys
import tempfile
import time

import torch
import torchvision

sys.path.append(str(pathlib.Path(__file__).parents[1]))
import networks

PEER = sys.argv[1]
SIZE = 180


def torch_model():
    model = networks.mobilenet_v2().eval().to(memory_format=torch.channels_last)

    def run(batch):
        with torch.inference_mode():
            return model(batch.to(memory_format=torch.channels_last) / 127.5 - 1)

    return run


def onnx_model():
    import onnxruntime

    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = networks.mobilenet_v2()

        def forward(self, x):
            return self.model(x / 127.5 - 1)

    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "model.onnx")
        example = torch.zeros(2, 3, SIZE, SIZE)
        shapes = {"x": {0: torch.export.Dim("batch")}}
        torch.onnx.export(Scaled().eval(), (example,), path, dynamic_shapes=shapes, dynamo=True, verbose=False)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch.numpy()})


def tensors(run, batch):
    photos = torch.rand(batch, 3, SIZE, SIZE) * 255
    run(photos)
    calls, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < 3:
        run(photos)
        calls += 1
    print(f"tensors-{batch} {PEER} {calls * batch / seconds:.1f}")


def decode(path):
    photo = torchvision.io.decode_jpeg(torchvision.io.read_file(str(path)), torchvision.io.ImageReadMode.RGB)
    size = {"size": (SIZE, SIZE), "mode": "bilinear", "antialias": False}
    return torch.nn.functional.interpolate(photo[None].float(), **size)[0]


def folder(run, directory, batch=32):
    paths = sorted(pathlib.Path(directory).glob("*/*.jpg"))
    batches = [paths[start : start + batch] for start in range(0, len(paths), batch)]
    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        # The next batch is decoded while the model runs on this one.
        load = lambda paths: torch.stack([decode(path) for path in paths])
        coming = pool.submit(load, batches[0])
        for following in [*batches[1:], None]:
            photos = coming.result()
            if following:
                coming = pool.submit(load, following)
            run(photos)
    print(f"folder {PEER} {len(paths) / (time.perf_counter() - start):.1f}")


run = torch_model() if PEER == "torch" else onnx_model()
tensors(run, 1)
tensors(run, 32)
if len(sys.argv) > 2:
    folder(run, sys.argv[2])

"""The usual way to serve a network from Python: FastAPI, uvicorn, onnxruntime, Pillow.

    python fastapi_server.py MODEL.onnx PORT [BATCH]

MODEL is what `petal export` writes: photos of bytes as floats, `[batch, height, width, 3]`. With BATCH above 1, photos of
requests that come together go through it together.
"""

import ast
import asyncio
import io
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy
import onnxruntime
import uvicorn
from fastapi import FastAPI, Request
from PIL import Image

model, port = sys.argv[1], int(sys.argv[2])
batch_size = int(sys.argv[3]) if len(sys.argv) > 3 else 1
session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
[the_input] = session.get_inputs()
height, width = the_input.shape[1:3]
names = ast.literal_eval(session.get_modelmeta().custom_metadata_map["names"])
pool = ThreadPoolExecutor()
app = FastAPI()
queue: asyncio.Queue = asyncio.Queue()


def decode(data):
    photo = Image.open(io.BytesIO(data)).convert("RGB").resize((width, height), Image.Resampling.BILINEAR)
    return numpy.asarray(photo, numpy.float32)


def infer(photos):
    return session.run(None, {the_input.name: numpy.stack(photos)})[0]


async def work():
    """Takes what has come meanwhile."""
    loop = asyncio.get_running_loop()
    while True:
        jobs = [await queue.get()]
        while len(jobs) < batch_size and not queue.empty():
            jobs.append(queue.get_nowait())
        rows = await loop.run_in_executor(pool, infer, [photo for photo, _ in jobs])
        for (_, answer), row in zip(jobs, rows):
            answer.set_result(row)


@app.on_event("startup")
async def start():
    app.state.worker = asyncio.create_task(work())


@app.post("/predict")
async def predict(request: Request):
    data = await request.body()
    loop = asyncio.get_running_loop()
    photo = await loop.run_in_executor(pool, decode, data)
    answer = loop.create_future()
    await queue.put((photo, answer))
    probabilities = await answer
    best = int(probabilities.argmax())
    return {
        "class": names[best],
        "probability": float(probabilities[best]),
        "probabilities": {names[i]: float(p) for i, p in enumerate(probabilities)},
    }


uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")

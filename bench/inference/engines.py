"""Photos a second that exported networks classify in another engine.

    python bench/inference/engines.py ENGINE NETWORK.onnx BATCH [THREADS]

ENGINE is onnxruntime or openvino; its own choice of threads unless told otherwise.
"""

import pathlib
import sys
import time

import numpy as np

ENGINE, PATH, BATCH = sys.argv[1], sys.argv[2], int(sys.argv[3])
THREADS = int(sys.argv[4]) if len(sys.argv) > 4 else 0


def onnxruntime():
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = runtime.InferenceSession(PATH, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda photos: session.run(None, {name: photos})


def openvino():
    import openvino as runtime

    core = runtime.Core()
    # As the other engines, it may not compute with shorter numbers.
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
    if THREADS:
        settings["INFERENCE_NUM_THREADS"] = THREADS
    model = core.read_model(PATH)
    model.reshape([BATCH, *list(model.inputs[0].partial_shape)[1:]])
    request = core.compile_model(model, "CPU", settings).create_infer_request()
    return lambda photos: request.infer([photos])


run = onnxruntime() if ENGINE == "onnxruntime" else openvino()
photos = (np.arange(BATCH * 224 * 224 * 3) * 7919 % 256).astype("float32").reshape(BATCH, 224, 224, 3)
run(photos)
calls, start = 0, time.perf_counter()
while (seconds := time.perf_counter() - start) < 3:
    run(photos)
    calls += 1
print(f"{pathlib.Path(PATH).stem}-{BATCH} {ENGINE} {calls * BATCH / seconds:.1f}")

"""Writes networks with 8-bit numbers as onnxruntime's own tool makes them, for `networks.sh`.

    python bench/inference/quantize.py NETWORK.onnx QUANTIZED.onnx

Weights of signed bytes by channel, activations of unsigned ones, as its documentation has them for processors with VNNI;
ranges for four photos of noise, the ones that Petal's are measured on.
"""

import sys

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

source, target = sys.argv[1:]


class Photos(CalibrationDataReader):
    def __init__(self):
        name = onnx.load(source).graph.input[0].name
        noise = (np.arange(4 * 224 * 224 * 3) * 7919 % 256).astype("float32").reshape(4, 1, 224, 224, 3)
        self.photos = iter([{name: photo} for photo in noise])

    def get_next(self):
        return next(self.photos, None)


quant_pre_process(source, target)
quantize_static(
    target,
    target,
    Photos(),
    quant_format=QuantFormat.QDQ,
    per_channel=True,
    activation_type=QuantType.QUInt8,
    weight_type=QuantType.QInt8,
)

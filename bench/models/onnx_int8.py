"""Quantizes an ONNX model to INT8 by onnxruntime's own tools, as their documentation advises for x86.

    python bench/models/onnx_int8.py SOURCE TARGET static|dynamic vnni|plain FOLDER...

Each FOLDER has a sample: NAME.npy for each input. static: QDQ, per channel, activations uint8 and weights int8, calibrated by
min-max on the samples, after shape inference; for convolutional networks. dynamic: weights per channel; for transformers.
plain: weights of 7 bits, for CPUs without VNNI, where sums of two products of 8 bits overflow.
"""
import logging
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime import quantization
from onnxruntime.quantization.shape_inference import quant_pre_process


class Samples(quantization.CalibrationDataReader):
    def __init__(self, folders):
        self.rest = iter([{file.stem: np.load(file) for file in folder.glob("*.npy")} for folder in folders])

    def get_next(self):
        return next(self.rest, None)


def unshare(file):
    """The exporter shares equal weights by Identity nodes, and a bias behind one is not quantized: gives each its own."""
    model = onnx.load(file)
    weights = {weight.name: weight for weight in model.graph.initializer}
    for node in [node for node in model.graph.node if node.op_type == "Identity" and node.input[0] in weights]:
        copy = onnx.TensorProto()
        copy.CopyFrom(weights[node.input[0]])
        copy.name = node.output[0]
        model.graph.initializer.append(copy)
        model.graph.node.remove(node)
    onnx.save(model, file)


def main(source, target, way, reduce_range, folders):
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as scratch:
        prepared = str(Path(scratch) / "prepared.onnx")
        plain = str(Path(scratch) / "plain.onnx")
        onnx.save(onnx.load(source), plain)
        unshare(plain)
        quant_pre_process(plain, prepared, skip_symbolic_shape=True)
        if way == "dynamic":
            quantization.quantize_dynamic(prepared, target, weight_type=quantization.QuantType.QInt8, per_channel=True,
                                          reduce_range=reduce_range)
        else:
            quantization.quantize_static(prepared, target, Samples([Path(folder) for folder in folders]),
                                         quant_format=quantization.QuantFormat.QDQ, per_channel=True,
                                         activation_type=quantization.QuantType.QUInt8,
                                         weight_type=quantization.QuantType.QInt8, reduce_range=reduce_range)
    onnx.checker.check_model(target)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4] == "plain", sys.argv[5:])

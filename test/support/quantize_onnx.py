"""Quantizes an ONNX model with onnxruntime.quantization: quantize_onnx.py JOB.json

The job names the model, the folder of the samples (NAME.npy for each input, samples along the first axis) and the files
to write: `static` (QDQ, uint8 and int8, per channel), `dynamic`, `fp16`. Each is left out where it fails. With
`reduceRange` weights have 7 bits. Prints nothing.
"""

import json
import logging
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnx.version_converter
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

logging.disable(logging.CRITICAL)


class Samples(CalibrationDataReader):
    def __init__(self, folder, names):
        arrays = {name: np.load(Path(folder) / f"{name}.npy") for name in names}
        count = len(next(iter(arrays.values())))
        self.rows = iter([{name: array[i] for name, array in arrays.items()} for i in range(count)])

    def get_next(self):
        return next(self.rows, None)


def convert_float16(model, path):
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(model, keep_io_types=True), path)


def upgrade(model, path, folder, failures):
    """Scales for each channel need opset 13, to which quantize_static does not bring a model by itself."""
    weights = {tensor.name for tensor in model.graph.initializer}
    if max(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")) >= 13:
        return path
    try:
        inputs = [value for value in model.graph.input if value.name not in weights]
        del model.graph.input[:]
        model.graph.input.extend(inputs)
        model.ir_version = max(model.ir_version, 4)
        upgraded = str(Path(folder) / "upgraded.onnx")
        onnx.save(onnx.version_converter.convert_version(model, 13), upgraded)
        return upgraded
    except Exception as error:
        failures["upgrade"] = str(error)
        return path


def main(job):
    model = onnx.load(job["model"])
    weights = {tensor.name for tensor in model.graph.initializer}
    names = [value.name for value in model.graph.input if value.name not in weights]
    failures = {}
    with tempfile.TemporaryDirectory() as folder:
        source = upgrade(model, job["model"], folder, failures)
        prepared = str(Path(folder) / "prepared.onnx")
        try:
            quant_pre_process(source, prepared, skip_symbolic_shape=True)
        except Exception as error:
            failures["preprocess"] = str(error)
            prepared = source
        method = getattr(CalibrationMethod, job.get("method", "MinMax"))
        ways = {
            "static": lambda path: quantize_static(
                prepared,
                path,
                Samples(job["samples"], names),
                quant_format=QuantFormat.QDQ,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                per_channel=True,
                calibrate_method=method,
                reduce_range=job["reduceRange"],
            ),
            "dynamic": lambda path: quantize_dynamic(
                prepared, path, weight_type=QuantType.QInt8, reduce_range=job["reduceRange"]
            ),
            "fp16": lambda path: convert_float16(onnx.load(job["model"]), path),
        }
        for name, way in ways.items():
            if name not in job:
                continue
            try:
                way(job[name])
            except Exception as error:
                failures[name] = str(error)
    Path(job["failures"]).write_text(json.dumps(failures))


main(json.loads(Path(sys.argv[1]).read_text()))

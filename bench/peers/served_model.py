"""What the Python servers serve: a .pt file of bench/models/make.py, frozen and optimized for inference as PyTorch documents it, or an
.onnx file by onnxruntime.

A request's body is the bytes of its inputs one after another, one sample each; the answer is the bytes of the output, float32.
JSON does not decide the comparison.
"""
import numpy as np


def load_torch(file, threads):
    import torch
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    with torch.inference_mode():
        model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.load(file).eval()))

    def infer(arrays):
        with torch.inference_mode():
            return model(*map(torch.from_numpy, arrays.values())).numpy()

    return infer, {"torch": torch.__version__}


def load_onnx(file, threads):
    import onnxruntime
    from onnx_session import open_session
    session, output = open_session(file, threads)
    return lambda arrays: session.run([output], arrays)[0], {"onnxruntime": onnxruntime.__version__}


class ServedModel:
    def __init__(self, file, inputs, threads):
        """inputs: name, dtype and shape of one sample: `x:float32:3,224,224`, several of them separated by spaces."""
        self.inputs = []
        for each in inputs.split():
            name, dtype, shape = each.split(":")
            self.inputs.append((name, np.dtype(dtype), [int(size) for size in shape.split(",")]))
        self.infer, self.versions = (load_onnx if file.endswith(".onnx") else load_torch)(file, threads)
        # PyTorch's profiling executor settles in a few runs, for each batch size anew.
        for rows in [1, 2, 1, 2, 1, 2]:
            self.run([bytes(sum(dtype.itemsize * int(np.prod(shape)) for _, dtype, shape in self.inputs))] * rows)

    def run(self, bodies):
        """Answers requests in one call of the model."""
        arrays, offset = {}, 0
        for name, dtype, shape in self.inputs:
            count = int(np.prod(shape))
            rows = [np.frombuffer(body, dtype, count, offset) for body in bodies]
            arrays[name] = np.concatenate(rows).reshape(-1, *shape)
            offset += count * dtype.itemsize
        return [row.tobytes() for row in self.infer(arrays)]

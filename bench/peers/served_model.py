"""What the Python servers serve: a .pt file of bench/models/make.py, frozen and optimized for inference as PyTorch documents it.

A request's body is the bytes of its inputs one after another, one sample each; the answer is the bytes of the output, float32.
JSON does not decide the comparison.
"""
import numpy as np
import torch


class ServedModel:
    def __init__(self, file, inputs, threads):
        """inputs: name, dtype and shape of one sample: `x:float32:3,224,224`, several of them separated by spaces."""
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        self.inputs = []
        for each in inputs.split():
            _, dtype, shape = each.split(":")
            self.inputs.append((np.dtype(dtype), [int(size) for size in shape.split(",")]))
        with torch.inference_mode():
            self.model = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.load(file).eval()))
        # The profiling executor settles in a few runs, for each batch size anew.
        for rows in [1, 2, 1, 2, 1, 2]:
            self.run([bytes(sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in self.inputs))] * rows)

    def run(self, bodies):
        """Answers requests in one call of the model."""
        tensors, offset = [], 0
        for dtype, shape in self.inputs:
            count = int(np.prod(shape))
            rows = [np.frombuffer(body, dtype, count, offset) for body in bodies]
            tensors.append(torch.from_numpy(np.concatenate(rows)).reshape(-1, *shape))
            offset += count * dtype.itemsize
        with torch.inference_mode():
            return [row.tobytes() for row in self.model(*tensors).numpy()]

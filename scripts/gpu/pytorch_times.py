"""Times a model in PyTorch on a GPU: eager, torch.compile(mode="reduce-overhead"), and a graph that is captured by hand.

    python3 scripts/gpu/pytorch_times.py MODEL PRECISION BATCH,... SECONDS      # prints a line of JSON for each batch

Each way is timed twice: with inputs and outputs that stay on the GPU, and with copies from and to pinned memory. Times
are of one call after another, each awaited; rates are of calls that are not awaited.
"""
import json
import statistics
import sys
import time

import torch

from models import bench_models

DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def prepare(name, precision, batch):
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    build, inputs_of, _ = bench_models().MODELS[name]
    torch.manual_seed(0)
    dtype = DTYPES[precision]
    model = build().eval().cuda().to(dtype)
    channels_last = name == "resnet50" and dtype != torch.float32
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    host = [tensor.pin_memory() for tensor in inputs_of(batch).values()]

    def adapt(tensor):
        tensor = tensor.to(dtype) if tensor.is_floating_point() else tensor
        return tensor.contiguous(memory_format=torch.channels_last) if channels_last else tensor

    return (lambda *inputs: model(*map(adapt, inputs)).float()), host


def capture(call, inputs):
    """A graph of the call, as PyTorch's documentation does it."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            call(*inputs)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = call(*inputs)

    def replay(*_):
        graph.replay()
        return output

    return replay


def measure(call, seconds):
    """Median of a call that is awaited, in milliseconds, and calls in a second that are not."""
    for _ in range(10):
        call()
    torch.cuda.synchronize()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 10:
        start = time.perf_counter()
        call()
        torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    count = max(10, int(seconds / statistics.median(times)))
    start = time.perf_counter()
    for _ in range(count):
        call()
    torch.cuda.synchronize()
    rate = count / (time.perf_counter() - start)
    ordered = sorted(times)
    return {"medianMs": 1e3 * statistics.median(times), "p99Ms": 1e3 * ordered[int(0.99 * (len(ordered) - 1))],
            "callsPerSecond": rate, "calls": len(times)}


def times_of(make_run, host, seconds):
    inputs = [tensor.cuda() for tensor in host]
    run = make_run(inputs)
    answer = run(*inputs)
    pinned = torch.empty(answer.shape, dtype=answer.dtype, pin_memory=True)

    def with_copies():
        for target, source in zip(inputs, host):
            target.copy_(source, non_blocking=True)
        pinned.copy_(run(*inputs), non_blocking=True)

    return {"onDevice": measure(lambda: run(*inputs), seconds), "withCopies": measure(with_copies, seconds)}


@torch.inference_mode()
def main(name, precision, batches, seconds):
    for batch in batches:
        model, host = prepare(name, precision, batch)
        ways = {
            "eager": lambda inputs: model,
            "graph": lambda inputs: capture(model, inputs),
            "compiled": lambda inputs: torch.compile(model, mode="reduce-overhead"),
        }
        result = {"model": name, "precision": precision, "batch": batch}
        for way, make_run in ways.items():
            try:
                result[way] = times_of(make_run, host, seconds)
            except Exception as error:  # torch.compile needs a C compiler and Triton
                result[way] = {"failed": f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"}
        print(json.dumps(result), flush=True)
        torch.compiler.reset()
        torch.cuda.empty_cache()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], [int(text) for text in sys.argv[3].split(",")], float(sys.argv[4]))

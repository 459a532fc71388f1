"""Compiles a model of make.py by AOTInductor for one batch size: what a Python user of PyTorch on a CPU is told to do.

    python bench/models/aotinductor.py NAME BATCH fp32|bf16 THREADS FILE.pt2

Weights are frozen, so that the compiler folds and packs them; shapes are fixed, which compiles to the fastest code. bf16 is
autocast, as PyTorch documents it for CPUs.
"""
import sys

import torch
import torch._inductor

import make


def main(name, batch, precision, threads, file):
    model = make.build(name)
    _, inputs_of, _ = make.MODELS[name]
    inputs = tuple(inputs_of(batch).values())
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        exported = torch.export.export(model, inputs)
        torch._inductor.aoti_compile_and_package(exported, package_path=file,
                                                 inductor_configs={"freezing": True, "cpp.threads": threads})


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5])

"""Makes the models of the GPU tests and benchmarks, each in a folder, none trained. Downloads nothing.

    python3 scripts/gpu/models.py tests FOLDER      # small ones, each for one rule
    python3 scripts/gpu/models.py bench FOLDER      # resnet50 and encoder of bench/models/make.py, traced on the CPU
"""
import importlib.util
import sys
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

warnings.filterwarnings("ignore")


def bench_models():
    """The module bench/models/make.py, without its export to ONNX."""
    path = Path(__file__).parents[2] / "bench" / "models" / "make.py"
    spec = importlib.util.spec_from_file_location("bench_models", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Branching(nn.Module):
    """Chooses by a value, which a CUDA graph cannot."""

    def forward(self, x: Tensor) -> Tensor:
        if bool(x.sum() > 0):
            return x * 2
        return x * 3


class Random(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


class Allocates(nn.Module):
    """Takes so many megabytes, and answers how many."""

    def forward(self, megabytes: Tensor) -> Tensor:
        memory = torch.ones([int(megabytes.item()), 1 << 18], device=megabytes.device)
        return memory[:, 0].sum().reshape(1)


def make_tests(folder):
    torch.manual_seed(0)
    for name, module in (("branching", Branching()), ("random", Random()), ("allocates", Allocates()),
                         ("embedding", nn.Embedding(10, 4))):
        torch.jit.script(module.eval()).save(str(folder / f"{name}.pt"))
    mlp = bench_models().mlp().eval().cuda()
    x = torch.randn(4, 64, device="cuda")
    torch.jit.trace(mlp, x).save(str(folder / "mlp.pt"))
    try:
        with torch.no_grad():
            program = torch.export.export(mlp, (x,), dynamic_shapes=({0: torch.export.Dim("batch", min=2, max=64)},))
            torch._inductor.aoti_compile_and_package(program, package_path=str(folder / "mlp.pt2"))
    except Exception as error:  # it takes a compiler for the host and Triton, which not every machine has
        print(f"no AOTInductor package: {type(error).__name__}: {str(error).splitlines()[0]}")


def make_bench(folder):
    models = bench_models()
    for name in ("resnet50", "encoder", "mlp"):
        build, inputs_of, _ = models.MODELS[name]
        torch.manual_seed(0)
        model = build().eval()
        with torch.no_grad():
            torch.jit.trace(model, tuple(inputs_of(2).values())).save(str(folder / f"{name}.pt"))


if __name__ == "__main__":
    what, target = sys.argv[1], Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    {"tests": make_tests, "bench": make_bench}[what](target)

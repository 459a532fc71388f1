#!/usr/bin/env python3
"""Builds Infernode against the torch of this Python, and tests or measures it on this machine's GPU.

    python3 scripts/gpu/gpu.py build|test|bench [--node FILE] [--models resnet50,encoder] [--precisions fp32,tf32,fp16,bf16]
                               [--batches 1,2,4,8,16,32,64] [--seconds 1] [--out FILE]

Needs CUDA (headers and libcudart), a torch of this Python with CUDA, 2.11 or newer, cmake, ninja, a C++ compiler, and
Node.js: --node, INFERNODE_NODE, or the one on PATH, with its headers in ../include/node beside its folder. Nothing is
downloaded. `dist` and the compiled tests (.build/ts) are made by npm where it is at hand, else they must be there:
scripts/gpu/pack.mjs packs them for a machine without network.
"""
import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import torch
except ImportError as error:
    sys.exit(f"gpu.py: {sys.executable} has no torch ({error}): install one with CUDA, or run another Python")

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "gpu"
OLDEST = (2, 11)


def fail(message):
    sys.exit(f"gpu.py: {message}")


def torch_folder():
    version = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    if torch.version.cuda is None:
        fail(f"torch {torch.__version__} is for the CPU: install one with CUDA")
    if version < OLDEST:
        fail(f"torch {torch.__version__} is too old: {OLDEST[0]}.{OLDEST[1]} or newer is needed")
    return Path(torch.__file__).parent


class Node:
    """A Node.js and the folder of its headers."""

    def __init__(self, given):
        found = given or os.environ.get("INFERNODE_NODE") or shutil.which("node")
        if found is None or not Path(found).exists():
            fail("no Node.js: give --node FILE")
        self.program = Path(found).resolve()
        self.headers = self.program.parent.parent / "include" / "node"
        if not (self.headers / "node_api.h").exists():
            fail(f"no headers of Node.js at {self.headers}")

    def environment(self, **more):
        path = f"{self.program.parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "INFERNODE_ADDON": str(OUT / "Release"),
                "INFERNODE_LIBTORCH": str(torch_folder()), **more}


def run(*command, **options):
    print("$", *command, flush=True)
    if subprocess.run([str(part) for part in command], cwd=ROOT, **options).returncode != 0:
        fail(f"{command[0]} failed")


def build(node):
    jobs = os.environ.get("INFERNODE_JOBS", str(os.cpu_count()))
    run("cmake", "-S", ".", "-B", OUT, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
        f"-DINFERNODE_LIBTORCH={torch_folder()}", "-DINFERNODE_CUDA=ON", "-DINFERNODE_TESTS=ON",
        f"-DCMAKE_JS_INC={node.headers}", env=node.environment())
    run("cmake", "--build", OUT, "--parallel", jobs)
    compiler = ROOT / "node_modules" / "typescript" / "bin" / "tsc"
    if compiler.exists():
        run(node.program, compiler, "-p", "tsconfig.json")
        run(node.program, compiler, "-p", "test/tsconfig.json")
    for made in ROOT / "dist" / "index.js", ROOT / ".build" / "ts" / "bench" / "gpu.js":
        if not made.exists():
            fail(f"{made} is missing: run npm run build:ts and npx tsc -p test/tsconfig.json, or carry them")


def test(node):
    release, lib = OUT / "Release", torch_folder() / "lib"
    run(release / "graphs_test")
    run(release / "executor_test")
    run(release / "gpu_monitor_test", release / "nvml_double.so")
    libraries = [lib / f"lib{name}.so" for name in ("c10", "torch_cpu", "c10_cuda", "torch_cuda", "torch")]
    run(release / "torch_backend_test", release / "infernode_torch.so", "test/fixtures", *libraries)
    with tempfile.TemporaryDirectory() as models:
        if torch.cuda.is_available():
            run(sys.executable, "scripts/gpu/models.py", "tests", models)
        files = sorted((ROOT / ".build" / "ts" / "test" / "gpu").glob("*.test.js"))
        run(node.program, "--expose-gc", "--test", "--test-concurrency=1", *files,
            env=node.environment(**({"INFERNODE_GPU_MODELS": models} if torch.cuda.is_available() else {})))
    if not torch.cuda.is_available():
        fail("what needs no GPU passed; there is no GPU here, so nothing was tested on one")


def lines_of(*command, env=None):
    """The JSON lines that a program prints."""
    print("$", *command, flush=True)
    made = subprocess.run([str(part) for part in command], cwd=ROOT, env=env, capture_output=True, text=True)
    if made.returncode != 0:
        print(made.stderr[-2000:], file=sys.stderr)
        return [{"failed": made.stderr.strip().splitlines()[-1] if made.stderr.strip() else "no output"}]
    return [json.loads(line) for line in made.stdout.splitlines()]


def machine(node):
    properties = torch.cuda.get_device_properties(0)
    return {"gpu": properties.name, "memoryBytes": properties.total_memory, "torch": torch.__version__,
            "cuda": torch.version.cuda, "cudnn": torch.backends.cudnn.version(), "cores": os.cpu_count(),
            "node": subprocess.run([node.program, "--version"], capture_output=True, text=True).stdout.strip(),
            "system": platform.platform()}


def compare(ours, theirs):
    """What the results are held against: the bare graph at batch 1, and the fastest that PyTorch has."""
    done = [way for way in theirs.values() if isinstance(way, dict) and "onDevice" in way]
    if not done or "replayed" not in ours:
        return {}
    best = max(way["withCopies"]["callsPerSecond"] for way in done)
    graph = theirs.get("graph", {})
    against = {"throughputOfBest": ours["replayed"]["callsPerSecond"] / best}
    if "withCopies" in graph:
        against["latencyOfGraph"] = ours["replayed"]["medianMs"] / graph["onDevice"]["medianMs"]
        against["latencyOfGraphWithCopies"] = ours["replayed"]["medianMs"] / graph["withCopies"]["medianMs"]
        against["overheadUs"] = 1e3 * (ours["replayed"]["medianMs"] - graph["withCopies"]["medianMs"])
    return against


def bench(node, options):
    if not torch.cuda.is_available():
        fail("there is no GPU here")
    results = []
    with tempfile.TemporaryDirectory() as models:
        run(sys.executable, "scripts/gpu/models.py", "bench", models)
        for name in options.models.split(","):
            for precision in options.precisions.split(","):
                what = [precision, options.batches, options.seconds]
                ours = lines_of(node.program, ".build/ts/bench/gpu.js", Path(models) / f"{name}.pt", *what,
                                env=node.environment())
                theirs = lines_of(sys.executable, "scripts/gpu/pytorch_times.py", name, *what)
                for mine, other in zip(ours, theirs):
                    row = {"model": name, "precision": precision, "batch": mine.get("batch"), "infernode": mine,
                           "pytorch": other, "against": compare(mine, other)}
                    print(json.dumps({key: row[key] for key in ("model", "precision", "batch", "against")}), flush=True)
                    results.append(row)
                # What was measured is kept, should the machine go before the end.
                out = Path(options.out)
                out.parent.mkdir(parents=True, exist_ok=True)
                out.write_text(json.dumps({"machine": machine(node), "results": results}, indent=1))
    print(f"written to {options.out}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("build", "test", "bench"))
    parser.add_argument("--node")
    parser.add_argument("--models", default="resnet50,encoder")
    parser.add_argument("--precisions", default="fp32,tf32,fp16,bf16")
    parser.add_argument("--batches", default="1,2,4,8,16,32,64")
    parser.add_argument("--seconds", default="1")
    parser.add_argument("--out", default=str(ROOT / "build" / "gpu" / "results.json"))
    options = parser.parse_args()
    node = Node(options.node)
    build(node)
    if options.what == "test":
        test(node)
    elif options.what == "bench":
        bench(node, options)


if __name__ == "__main__":
    main()

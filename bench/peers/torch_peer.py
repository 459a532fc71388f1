"""PyTorch in Python: python torch_peer.py eager|torchscript|aotinductor|compile [bf16]

eager and compile load by the name of a model in bench/models/make.py, torchscript a .pt file, aotinductor a folder with a package
BATCH.pt2 for each batch size. The settings are those that PyTorch's documentation advises for inference on a CPU.
"""
import sys
from pathlib import Path

from answer_lines import Absent, answer_lines

way, precision = sys.argv[1], (sys.argv[2:] or ["fp32"])[0]


def built(name):
    sys.path.insert(0, str(Path(__file__).parent.parent / "models"))
    import make
    return make.build(name)


def load(torch, model):
    """A function of a call's tensors, all that can be done ahead done; and what that was."""
    if way == "torchscript":
        frozen = torch.jit.freeze(torch.jit.load(model).eval())
        return torch.jit.optimize_for_inference(frozen), "torch.jit.freeze and optimize_for_inference"
    if way == "aotinductor":
        packages = {}

        def run(*tensors):
            size = tensors[0].shape[0]
            if size not in packages:
                file = Path(model) / f"{size}.pt2"
                if not file.exists():
                    raise Absent(f"there is no package for {size} rows")
                packages[size] = torch._inductor.aoti_load_package(str(file))
            return packages[size](*tensors)

        return run, "aoti_compile_and_package, frozen weights, a package for each batch size"
    module = built(model)
    if way == "eager":
        return module, "inference_mode"
    import torch._inductor.config as config
    config.freezing = True
    # Its templates need the size of a cache, which some virtual machines do not tell.
    if torch.cpu.get_capabilities().get("l1d_cache_size", 0) == 0:
        return torch.compile(module, dynamic=False), "frozen weights; no max-autotune: PyTorch finds no cache sizes here"
    return torch.compile(module, dynamic=False, mode="max-autotune-no-cudagraphs"), "max-autotune, frozen weights"


def open_model(model, threads):
    import torch
    import torch._inductor
    torch.set_num_threads(threads)
    torch.set_num_interop_threads(1)
    with torch.inference_mode():
        function, settings = load(torch, model)

    def prepare(arrays):
        tensors = [torch.from_numpy(array) for array in arrays.values()]

        def call():
            # A package has its precision compiled in.
            autocast = precision == "bf16" and way != "aotinductor"
            with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=autocast):
                return function(*tensors)

        return lambda: to_numpy(torch, call())

    return {"torch": torch.__version__}, f"{settings}, {precision}, {threads} thread(s)", prepare


def to_numpy(torch, output):
    first = output[0] if isinstance(output, (list, tuple)) else output
    return (first.float() if first.dtype == torch.bfloat16 else first).numpy()


answer_lines(open_model)

#!/usr/bin/env python3
"""Writes the reference outputs in this folder with Python's torch and onnxruntime.

    python test/reference/make.py            write cases.json and the .npy files
    python test/reference/make.py --compare  compare this machine with the stored files

The models come from the folder named by INFERNODE_TEST_DATA (or ../shared/data
next to the repository). Nothing random goes in: the values of a tensor follow
from its seed, so that a test in any language can make the same inputs:

    x = seed                                        (32 bits, unsigned)
    for each element, in row-major order:
        x = (x * 1664525 + 1013904223) mod 2^32     (Math.imul in JavaScript)
        u = x / 2^32                                (float64)
        v = lo + (hi - lo) * u                      (float64)
        element = v rounded to the float type, or floor(v) for the integer types

Needs torch, onnxruntime and numpy.
"""

import argparse
import datetime
import json
import os
import platform
import re
from pathlib import Path

import numpy as np
import onnxruntime
import torch

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("INFERNODE_TEST_DATA", HERE.parents[2] / "shared" / "data"))
CPU_FLAGS = ["avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "amx_int8"]
FULL = 8000  # outputs with more elements than this are thinned out ...
KEPT = 4000  # ... to at most this many

RULE = "max|got - want| <= tolerance * max(1, max|want|), over the stored elements of each output"


# The cases -------------------------------------------------------------------

# What an int8 model can promise. The arithmetic is exact on the CPU that made the
# outputs (one or two threads, any graph optimisation), but kernels for CPUs without
# VNNI can saturate 16-bit sums. As the rule measures it, torch with oneDNN held to
# AVX2 was off by 0.14 (correlation 0.992), its other engines by 0.09 (0.995).
INT8 = {
    "tolerance": 0.25, "correlation": 0.98, "quantized": True,
    "notes": "exact on a CPU with AVX-512 VNNI, as here; others round and saturate differently, "
             "so each row should also correlate with the stored one",
}


def tensor(name, shape, lo, hi, dtype="float32", seed=1):
    return {"name": name, "dtype": dtype, "shape": shape, "seed": seed, "lo": lo, "hi": hi}


def constant(name, shape, value, dtype="int64"):
    """A tensor of one whole number: floor(value + u) is always the value."""
    return tensor(name, shape, value, value + 1, dtype, seed=0)


def case(model, *inputs, calls=1, tolerance=1e-4, quantized=False, notes="", **more):
    name = re.sub(r"[^a-z0-9]+", "_", model.rsplit(".", 1)[0].lower()).strip("_")
    name = re.sub(r"^(models_(torchscript|onnx|aoti_pt2)_|models_|protocol_)", "", name)
    suffix = model.rsplit(".", 1)[1]
    return {
        "id": f"{name}_{suffix}", "model": model,
        "runtime": "onnx" if suffix == "onnx" else "torch",
        "inputs": list(inputs), "calls": calls, **more,
        "tolerance": tolerance, "quantized": quantized, "notes": notes,
    }


def cases():
    script, onnx = "models/torchscript/", "models/onnx/"
    picture = [tensor("input", [2, 3, 224, 224], -2, 2)]
    small = [tensor("input", [3, 3, 32, 32], -2, 2)]
    mel = [tensor("mel", [2, 80, 24], -11, 1)]
    wave = [tensor("waveform", [2, 8000], -0.5, 0.5)]
    words = [tensor("input_ids", [3, 12], 0, 10000, "int64"),
             constant("attention_mask", [3, 12], 1)]
    state = [tensor("state", [2, 3, 128], -0.5, 0.5, seed=2)]

    def named(inputs, name):
        return {**inputs[0], "name": name}

    return [
        case(script + "mobilenet_v2_fp32.pt", named(picture, "x")),
        case(onnx + "mobilenet_v2_fp32.onnx", *picture),
        case(script + "mobilenet_v2_quantized.pt", named(picture, "x"),
             engine="x86", **INT8),
        case(onnx + "mobilenetv2-12-int8.onnx", *picture, **INT8),
        case(onnx + "squeezenet1_1_fp16.onnx",
             tensor("data_0", [1, 3, 224, 224], -110, 140, "float16"), tolerance=2e-3,
             notes="float16 in and out, softmax over 1000 classes; one float16 step at 1 is 1e-3"),
        case(onnx + "mnist-8.onnx", tensor("Input3", [1, 1, 28, 28], 0, 255)),
        case(script + "vit4mnist.ptl", tensor("img", [2, 1, 28, 28], -0.42, 2.82)),
        case(script + "resnet20_cifar10_fp32.pt", named(small, "x")),
        case(onnx + "resnet20_cifar10_fp32.onnx", *small),
        case("models/aoti_pt2/resnet20_cifar10_fp32.pt2", named(small, "x"),
             notes="compiled for AVX-512 and for one version of torch; a package has no "
                   "argument names, x is the name in the model it was compiled from"),
        case(script + "kserve_cifar10_net.pt", tensor("x", [3, 3, 32, 32], -1, 1)),
        case(script + "reddit_bytelstm.pt", tensor("byte_input", [2, 40], 32, 127, "uint8"),
             methods=["get_classes"]),
        case(script + "silero_vad.jit", tensor("x", [2, 512], -0.5, 0.5),
             {"name": "sr", "value": 16000}, calls=3, reset="reset_states",
             tolerance=1e-5, notes="keeps state between calls"),
        case(onnx + "silero_vad.onnx", tensor("input", [3, 576], -0.5, 0.5), *state,
             constant("sr", [], 16000)),
        case(onnx + "silero_vad_half.onnx", tensor("input", [3, 576], -0.5, 0.5), *state,
             notes="float16 weights, float32 arithmetic"),
        case(script + "anydrive_v3_lstm.pt", tensor("x", [3, 1, 2], -1, 1),
             {"name": "hc0", "items": [tensor("hc0.0", [2, 3, 8], -1, 1, seed=2),
                                       tensor("hc0.1", [2, 3, 8], -1, 1, seed=3)]},
             notes="tuple argument, nested tuple result"),
        case(script + "g1_motion_lstm_policy.pt", tensor("x", [1, 47], -1, 1),
             calls=3, reset="reset_memory", notes="keeps state between calls"),
        case(script + "kws_dscnn_fp32.pt", tensor("x", [3, 1, 49, 10], -120, 26)),
        case(onnx + "kws_dscnn_fp32.onnx", tensor("mfcc", [3, 1, 49, 10], -120, 26)),
        case(onnx + "ultraface_rfb_320.onnx", tensor("input", [1, 3, 240, 320], -1, 1)),
        case(onnx + "gtcrn_simple.onnx",
             tensor("mix", [1, 257, 1, 2], -1, 1),
             tensor("conv_cache", [2, 1, 16, 16, 33], -0.5, 0.5, seed=2),
             tensor("tra_cache", [2, 3, 1, 1, 16], -0.5, 0.5, seed=3),
             tensor("inter_cache", [2, 1, 33, 16], -0.5, 0.5, seed=4)),
        case(onnx + "dnsmos_sig_bak_ovr.onnx", tensor("input_1", [2, 144160], -0.3, 0.3)),
        case(onnx + "speech_melspectrogram.onnx", tensor("input", [2, 8000], -8000, 8000)),
        case(onnx + "speech_embedding.onnx", tensor("input_1", [2, 76, 32, 1], -2, 6)),
        case("models/embedding_glove_sif/model.pt", *words),
        case("models/embedding_glove_sif/model.onnx", *words),
        case("models/tts_vocoder_hifigan_v2/model.pt", *mel),
        case("models/tts_vocoder_hifigan_v2/model.onnx", *mel),
        case("models/stt_digits_conv/model.pt", *wave),
        case("models/stt_digits_conv/model.onnx", *wave),
        case("protocol/triton/model_repository/simple/1/model.onnx",
             tensor("INPUT0", [2, 16], -1000, 1000, "int32"),
             tensor("INPUT1", [2, 16], -1000, 1000, "int32", seed=2), tolerance=0),
    ]


# Running them ----------------------------------------------------------------


def values(entry, call):
    """The numpy array that an input entry stands for, in the call with this number."""
    dtype = np.dtype(entry["dtype"])
    lo, span = entry["lo"], entry["hi"] - entry["lo"]
    x = entry["seed"] + call
    flat = np.empty(int(np.prod(entry["shape"])))
    for i in range(flat.size):
        x = (x * 1664525 + 1013904223) & 0xFFFFFFFF
        flat[i] = lo + span * (x / 4294967296)
    if dtype.kind in "iu":
        flat = np.floor(flat)
    return flat.astype(dtype).reshape(entry["shape"])


def argument(entry, call):
    """An input entry as an argument of a TorchScript method."""
    if "value" in entry:
        return entry["value"]
    if "items" in entry:
        return tuple(argument(item, call) for item in entry["items"])
    return torch.from_numpy(values(entry, call))


def flatten(result, name="output"):
    """Names the tensors of a result: output, output.0, output.1.0 and so on."""
    if isinstance(result, torch.Tensor):
        return [(name, result.detach().numpy())]
    if isinstance(result, dict):
        return [pair for key, item in result.items() for pair in flatten(item, key)]
    return [pair for i, item in enumerate(result) for pair in flatten(item, f"{name}.{i}")]


def run_torch(entry):
    path = str(DATA / entry["model"])
    if path.endswith(".pt2"):
        model = torch._inductor.aoti_load_package(path)
    else:
        torch.backends.quantized.engine = entry.get("engine", "x86")
        model = torch.jit.load(path)
        if hasattr(model, "training"):
            model.eval()
    if "reset" in entry:
        getattr(model, entry["reset"])()
    results = []
    with torch.no_grad():
        for call in range(entry["calls"]):
            results.append(flatten(model(*[argument(i, call) for i in entry["inputs"]])))
        methods = {name: getattr(model, name)() for name in entry.get("methods", [])}
    return results, methods


def run_onnx(entry, threads):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(DATA / entry["model"]), options,
                                           providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    results = []
    for call in range(entry["calls"]):
        feeds = {i["name"]: values(i, call) for i in entry["inputs"]}
        results.append(list(zip(names, session.run(names, feeds))))
    return results, {}


def run(entry, threads):
    return run_onnx(entry, threads) if entry["runtime"] == "onnx" else run_torch(entry)


def stored(entry, threads):
    """Runs a case. Gives its outputs entry for cases.json, the arrays and the method results."""
    results, methods = run(entry, threads)
    outputs, arrays = [], {}
    for call, result in enumerate(results):
        outputs.append([])
        for i, (name, array) in enumerate(result):
            file = f"{entry['id']}-{call}-{i}.npy"
            output = {"name": name, "dtype": str(array.dtype), "shape": list(array.shape),
                      "file": file}
            if array.size > FULL:
                output["stride"] = -(-array.size // KEPT)
            outputs[-1].append(output)
            arrays[file] = array.reshape(-1)[::output["stride"]] if "stride" in output else array
    return outputs, arrays, methods


def cpu_flags():
    try:
        present = set(re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.M)[1].split())
    except (OSError, TypeError):
        return {}
    return {flag: flag in present for flag in CPU_FLAGS}


def write(threads):
    for old in HERE.glob("*.npy"):
        old.unlink()
    entries = []
    for entry in cases():
        outputs, arrays, methods = stored(entry, threads)
        for file, array in arrays.items():
            np.save(HERE / file, np.ascontiguousarray(array))
        entry["outputs"] = outputs
        if methods:
            entry["methods"] = methods
        entries.append(entry)
        print(entry["id"], [[(o["name"], o["shape"]) for o in call] for call in outputs])
    document = {
        "torch": torch.__version__, "onnxruntime": onnxruntime.__version__,
        "numpy": np.__version__, "machine": platform.machine(), "cpu": cpu_flags(),
        "date": datetime.date.today().isoformat(), "rule": RULE, "cases": entries,
    }
    (HERE / "cases.json").write_text(dump(document) + "\n")
    print(f"{len(entries)} cases, {sum(f.stat().st_size for f in HERE.iterdir() if f.is_file())} bytes")


def dump(document):
    """JSON with one line for each input, output and other innermost object."""
    text = json.dumps(document, indent=1)
    return re.sub(r"\{[^{}]*\}|\[[^\[\]{}]*\]",
                  lambda found: re.sub(r"\s*\n\s*", " ", found[0]), text)


def compare(threads):
    """Prints how far this machine is from the stored outputs, as the rule measures it."""
    failed = 0
    for entry in json.loads((HERE / "cases.json").read_text())["cases"]:
        methods = entry.pop("methods", {})
        _, arrays, found = stored({**entry, "methods": list(methods)}, threads)
        worst, alike = 0.0, 1.0
        for file, array in arrays.items():
            want = np.load(HERE / file).astype(np.float64)
            off = np.abs(array.astype(np.float64) - want).max()
            worst = max(worst, off / max(1, np.abs(want).max()))
            if "correlation" in entry:
                alike = min(alike, *(np.corrcoef(a, b)[0, 1] for a, b in zip(array, want)))
        good = (worst <= entry["tolerance"] and alike >= entry.get("correlation", -1)
                and found == methods)
        failed += not good
        print(f"{'ok  ' if good else 'FAIL'} {entry['id']}: {worst:.2e} (tolerance {entry['tolerance']:g})")
    raise SystemExit(1 if failed else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--compare", action="store_true",
                        help="write nothing; compare with the stored files")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    (compare if options.compare else write)(options.threads)


if __name__ == "__main__":
    main()

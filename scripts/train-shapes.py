#!/usr/bin/env python3
"""Makes the bundled demonstration model, a classifier of drawn shapes, from nothing.

The script draws its own pictures, trains a small convolutional network on
them, measures it on pictures drawn from another seed and exports it:

    OUT/model.json        signature, preprocessing and labels
    OUT/1/model.pt        TorchScript
    OUT/1/model.onnx      ONNX, one file
    OUT/samples/*.png     a few pictures larger than the model's input

    python scripts/train-shapes.py [--out models/shapes] [--epochs 12]

With --pt2 it does not train. It reads the weights back from OUT/1/model.pt and
compiles them for this machine's CPU into an AOTInductor package:

    python scripts/train-shapes.py --pt2 model.pt2

Needs torch, onnx, onnxruntime, numpy and pillow.
"""

import argparse
import json
import math
import random
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFilter
from torch import nn
from torch.nn import functional as F

LABELS = [
    "circle", "square", "triangle", "star", "cross",
    "ring", "hexagon", "crescent", "heart", "arrow",
]
SIZE = 64  # side of the model's input, in pixels
MEAN = [0.5, 0.5, 0.5]
STD = [0.25, 0.25, 0.25]
TRAIN_SEED, TEST_SEED, SAMPLE_SEED = 1, 2, 3
TRAIN_COUNT, TEST_COUNT = 16000, 2000
SAMPLES = {"star": (160, 120), "heart": (120, 176), "arrow": (200, 150)}
MAX_BATCH = 64  # of the AOTInductor package


# Drawing ---------------------------------------------------------------------
#
# A shape is a list of polygons (outlines in a box from -1 to 1), the first of
# which is filled and the others cut out of it.


def regular(corners, radius=1.0, x=0.0, y=0.0):
    """A regular polygon, or a circle when it has many corners."""
    angles = [2 * math.pi * i / corners for i in range(corners)]
    return [(x + radius * math.cos(a), y + radius * math.sin(a)) for a in angles]


def star():
    angles = [math.pi * i / 5 for i in range(10)]
    radii = [1.0 if i % 2 == 0 else 0.42 for i in range(10)]
    return [(r * math.cos(a), r * math.sin(a)) for a, r in zip(angles, radii)]


def heart():
    points = []
    for i in range(60):
        t = 2 * math.pi * i / 60
        x = 16 * math.sin(t) ** 3
        y = 13 * math.cos(t) - 5 * math.cos(2 * t) - 2 * math.cos(3 * t) - math.cos(4 * t)
        points.append((x / 17, -(y + 2.5) / 17))
    return points


def outlines(label, rng):
    if label == "circle":
        return [regular(60)]
    if label == "square":
        return [regular(4)]
    if label == "triangle":
        return [regular(3)]
    if label == "star":
        return [star()]
    if label == "cross":
        w = rng.uniform(0.24, 0.36)
        return [[(-1, -w), (-w, -w), (-w, -1), (w, -1), (w, -w), (1, -w),
                 (1, w), (w, w), (w, 1), (-w, 1), (-w, w), (-1, w)]]
    if label == "ring":
        return [regular(60), regular(60, radius=rng.uniform(0.5, 0.68))]
    if label == "hexagon":
        return [regular(6)]
    if label == "crescent":
        return [regular(60), regular(60, radius=0.85, x=rng.uniform(0.42, 0.55))]
    if label == "heart":
        return [heart()]
    if label == "arrow":
        w, neck = rng.uniform(0.18, 0.28), rng.uniform(0.0, 0.2)
        return [[(-1, -w), (neck, -w), (neck, -0.75), (1, 0), (neck, 0.75), (neck, w), (-1, w)]]
    raise ValueError(f"unknown shape: {label}")


def colour(rng):
    return tuple(rng.randrange(256) for _ in range(3))


def luminance(rgb):
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]


def background(width, height, base, rng):
    """A gradient around the base colour."""
    ends = np.array([[c + rng.uniform(-45, 45) for c in base] for _ in range(2)])
    angle = rng.uniform(0, 2 * math.pi)
    ys, xs = np.mgrid[0:height, 0:width]
    along = np.cos(angle) * (xs / width - 0.5) + np.sin(angle) * (ys / height - 0.5)
    along = (along + 0.75) / 1.5
    pixels = ends[0] + (ends[1] - ends[0]) * along[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def clutter(image, count, rng):
    """Draws some lines and dots."""
    draw = ImageDraw.Draw(image)
    width, height = image.size
    unit = min(width, height) / SIZE
    for _ in range(count):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        if rng.random() < 0.5:
            end = (x + rng.gauss(0, 15) * unit, y + rng.gauss(0, 15) * unit)
            draw.line([(x, y), end], fill=colour(rng), width=max(1, round(unit)))
        else:
            r = rng.uniform(0.7, 2.2) * unit
            draw.ellipse([x - r, y - r, x + r, y + r], fill=colour(rng))


def picture(label, rng, width=SIZE, height=SIZE, scale=4):
    """One picture of the shape. Drawn larger and reduced, for smooth edges."""
    base = colour(rng)
    paint = colour(rng)
    while abs(luminance(paint) - luminance(base)) < 40:
        paint = colour(rng)
    image = background(width, height, base, rng)
    clutter(image, rng.randrange(9), rng)

    side = min(width, height)
    radius = rng.uniform(0.16, 0.42) * side
    free = side / 2 - radius  # how far the centre can move
    cx = width / 2 + rng.uniform(-free, free)
    cy = height / 2 + rng.uniform(-free, free)
    angle = rng.uniform(0, 2 * math.pi)
    cos, sin = math.cos(angle), math.sin(angle)
    stretch = rng.uniform(0.88, 1.0)

    mask = Image.new("L", (width * scale, height * scale))
    draw = ImageDraw.Draw(mask)
    for i, outline in enumerate(outlines(label, rng)):
        points = []
        for x, y in outline:
            y *= stretch
            points.append(((cx + radius * (x * cos - y * sin)) * scale,
                           (cy + radius * (x * sin + y * cos)) * scale))
        draw.polygon(points, fill=255 if i == 0 else 0)
    mask = mask.resize((width, height), Image.Resampling.BOX)
    image.paste(paint, (0, 0), mask)
    clutter(image, rng.randrange(4), rng)

    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 1.0) * side / SIZE))
    noise = np.random.default_rng(rng.getrandbits(32)).normal(
        0, rng.uniform(0, 24), (height, width, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def draw_set(count, seed):
    """Pictures [N, 3, 64, 64] as bytes and their class numbers, all classes equally often."""
    rng = random.Random(seed)
    pictures = np.empty((count, 3, SIZE, SIZE), np.uint8)
    classes = np.empty(count, np.int64)
    for i in range(count):
        classes[i] = i % len(LABELS)
        pictures[i] = np.asarray(picture(LABELS[i % len(LABELS)], rng)).transpose(2, 0, 1)
    return torch.from_numpy(pictures), torch.from_numpy(classes)


def preprocess(image):
    """What model.json says: short side to 64 pixels, centre crop, normalise."""
    width, height = image.size
    factor = SIZE / min(width, height)
    image = image.resize((round(width * factor), round(height * factor)),
                         Image.Resampling.LANCZOS)
    left, top = (image.width - SIZE) // 2, (image.height - SIZE) // 2
    image = image.crop((left, top, left + SIZE, top + SIZE))
    return normalise(torch.from_numpy(np.asarray(image).transpose(2, 0, 1).copy())[None])


def normalise(pictures):
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    return (pictures.float() / 255 - mean) / std


# Network ---------------------------------------------------------------------


def conv_bn(inputs, outputs, kernel=3, stride=1, groups=1):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )


class Residual(nn.Module):
    """Two 3x3 convolutions and a skip connection, at half the resolution."""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.first = conv_bn(inputs, outputs, stride=2)
        self.second = conv_bn(outputs, outputs)
        self.skip = conv_bn(inputs, outputs, kernel=1, stride=2)

    def forward(self, x):
        return F.relu(self.second(F.relu(self.first(x))) + self.skip(x))


class Separable(nn.Module):
    """A depthwise and a pointwise convolution around a skip connection."""

    def __init__(self, channels):
        super().__init__()
        self.depthwise = conv_bn(channels, channels, groups=channels)
        self.pointwise = conv_bn(channels, channels, kernel=1)

    def forward(self, x):
        return F.relu(x + self.pointwise(F.relu(self.depthwise(x))))


class Shapes(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = conv_bn(3, 16, stride=2)
        self.body = nn.Sequential(
            Residual(16, 32), Separable(32),
            Residual(32, 64), Separable(64),
            Residual(64, 88), Separable(88),
        )
        self.head = nn.Linear(88, len(LABELS))

    def forward(self, image):
        x = self.body(F.relu(self.stem(image)))
        return self.head(x.mean(dim=[2, 3]))


def train(epochs, batch=64, rate=0.02):
    torch.manual_seed(TRAIN_SEED)
    pictures, classes = draw_set(TRAIN_COUNT, TRAIN_SEED)
    model = Shapes()
    steps = epochs * (len(classes) // batch)
    optimiser = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9,
                                nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=5 * rate, total_steps=steps)
    for epoch in range(epochs):
        began, total = time.monotonic(), 0.0
        order = torch.randperm(len(classes))
        for start in range(0, len(order) - batch + 1, batch):
            rows = order[start:start + batch]
            x = normalise(augment(pictures[rows]))
            loss = F.cross_entropy(model(x), classes[rows], label_smoothing=0.05)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * batch
        print(f"epoch {epoch + 1}/{epochs}: loss {total / len(classes):.4f}, "
              f"{time.monotonic() - began:.0f} s", flush=True)
    return model.eval()


def augment(pictures):
    """A random mirror and quarter turn for the whole batch, and shuffled colours."""
    if torch.rand(()) < 0.5:
        pictures = pictures.flip(3)
    pictures = torch.rot90(pictures, int(torch.randint(4, ())), (2, 3))
    return pictures[:, torch.randperm(3)]


# Exports ---------------------------------------------------------------------


def export_torchscript(model, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.jit.script(model).save(str(path))
    drop_debug_records(path)


def drop_debug_records(path):
    """Takes out the source positions, which name folders of the machine that saved the file."""
    reader = torch._C.PyTorchFileReader(str(path))
    skipped = {"version", ".data/serialization_id"}  # the writer adds its own
    records = {name: reader.get_record(name) for name in reader.get_all_records()
               if name not in skipped and not name.endswith(".debug_pkl")}
    del reader
    writer = torch._C.PyTorchFileWriter(str(path))
    for name, data in records.items():
        writer.write_record(name, data, len(data))
    writer.write_end_of_file()


def export_onnx(model, path):
    torch.onnx.export(
        model, (torch.zeros(2, 3, SIZE, SIZE),), str(path), dynamo=False, opset_version=17,
        input_names=["image"], output_names=["output"],
        dynamic_axes={"image": {0: "batch"}, "output": {0: "batch"}},
    )


def export_pt2(weights, path):
    """Compiles the weights of a TorchScript file for this machine's CPU."""
    model = Shapes().eval()
    model.load_state_dict(torch.jit.load(str(weights)).state_dict())
    program = torch.export.export(
        model, (torch.zeros(2, 3, SIZE, SIZE),),
        dynamic_shapes={"image": {0: torch.export.Dim("batch", min=1, max=MAX_BATCH)}})
    torch._inductor.aoti_compile_and_package(program, package_path=str(path.resolve()))
    package = torch._inductor.aoti_load_package(str(path.resolve()))
    with torch.no_grad():
        worst = max((package(x) - model(x)).abs().max().item()
                    for x in (torch.randn(n, 3, SIZE, SIZE) for n in (1, 3, MAX_BATCH)))
    print(f"{path}: {path.stat().st_size} bytes, within {worst:.1e} of the TorchScript weights")


def write_config(path):
    config = {
        "inputs": [{"name": "image", "dtype": "float32", "shape": [None, 3, SIZE, SIZE]}],
        "outputs": [{"name": "output", "dtype": "float32", "shape": [None, len(LABELS)]}],
        "processing": {
            "image": {"resize": SIZE, "crop": SIZE, "color": "rgb", "layout": "nchw",
                      "scale": 1 / 255, "mean": MEAN, "std": STD},
            "labels": LABELS,
        },
    }
    path.write_text(json.dumps(config, indent=2) + "\n")


def write_samples(model, folder):
    """Draws the sample pictures and checks that the model knows them."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(SAMPLE_SEED)
    for label, (width, height) in SAMPLES.items():
        image = picture(label, rng, width, height)
        image.save(folder / f"{label}.png", optimize=True)
        with torch.no_grad():
            scores = model(preprocess(image)).softmax(1)[0]
        found = LABELS[int(scores.argmax())]
        print(f"sample {label}: {found} {scores.max():.3f}")
        if found != label:
            raise SystemExit(f"the sample picture of a {label} is classified as a {found}")


def evaluate(out):
    """The accuracy of both exported files, in percent, on the held-out pictures."""
    import onnxruntime

    pictures, classes = draw_set(TEST_COUNT, TEST_SEED)
    script = torch.jit.load(str(out / "1" / "model.pt")).eval()
    session = onnxruntime.InferenceSession(str(out / "1" / "model.onnx"),
                                           providers=["CPUExecutionProvider"])
    scores = {"model.pt": [], "model.onnx": []}
    with torch.no_grad():
        for part in normalise(pictures).split(100):
            scores["model.pt"].append(script(part))
            scores["model.onnx"].append(
                torch.from_numpy(session.run(None, {"image": part.numpy()})[0]))
    scores = {name: torch.cat(parts) for name, parts in scores.items()}
    for name, values in scores.items():
        right = values.argmax(1) == classes
        print(f"{name}: {100 * right.float().mean():.2f} % of {TEST_COUNT} pictures (seed {TEST_SEED})")
        print("  " + ", ".join(f"{label} {100 * right[classes == i].float().mean():.1f}"
                               for i, label in enumerate(LABELS)))
    worst = (scores["model.pt"] - scores["model.onnx"]).abs().max()
    print(f"largest difference between the two: {worst:.1e}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, metavar="DIR",
                        default=Path(__file__).resolve().parent.parent / "models" / "shapes")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--pt2", type=Path, metavar="FILE",
                        help="only compile OUT/1/model.pt into this AOTInductor package")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    warnings.filterwarnings("ignore", category=DeprecationWarning)

    if options.pt2:
        export_pt2(options.out / "1" / "model.pt", options.pt2)
        return
    model = train(options.epochs)
    export_torchscript(model, options.out / "1" / "model.pt")
    export_onnx(model, options.out / "1" / "model.onnx")
    write_config(options.out / "model.json")
    evaluate(options.out)
    write_samples(model, options.out / "samples")


if __name__ == "__main__":
    main()

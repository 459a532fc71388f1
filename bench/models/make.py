"""Makes the models of the benchmarks: weights of a fixed seed, each as TorchScript and ONNX. Downloads nothing.

    python bench/models/make.py FOLDER [NAME ...]     # all models, or these; needs torch and onnx

Speed does not depend on what a network has learnt, so none is trained. resnet50 is the network of He et al. 2015
(stride in the 3x3 convolution), mobilenet that of Sandler et al. 2018, encoder has the sizes of MiniLM-L6-H384
(Wang et al. 2020), mlp three small layers. The batch is free in all of them.
"""
import sys
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

warnings.filterwarnings("ignore")


def conv_bn(inputs, outputs, kernel, stride=1, groups=1, act=nn.ReLU):
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
              nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([act()] if act else []))


class Bottleneck(nn.Module):
    def __init__(self, inputs, width, stride):
        super().__init__()
        self.branch = nn.Sequential(conv_bn(inputs, width, 1), conv_bn(width, width, 3, stride),
                                    conv_bn(width, 4 * width, 1, act=None))
        same = stride == 1 and inputs == 4 * width
        self.shortcut = nn.Identity() if same else conv_bn(inputs, 4 * width, 1, stride, act=None)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.branch(x) + self.shortcut(x))


def resnet50():
    layers, inputs = [conv_bn(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)], 64
    for width, count in (64, 3), (128, 4), (256, 6), (512, 3):
        for index in range(count):
            layers.append(Bottleneck(inputs, width, 2 if index == 0 and width > 64 else 1))
            inputs = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1000))


class InvertedResidual(nn.Module):
    def __init__(self, inputs, outputs, stride, expand):
        super().__init__()
        width = inputs * expand
        widen = [conv_bn(inputs, width, 1, act=nn.ReLU6)] if expand > 1 else []
        self.branch = nn.Sequential(*widen, conv_bn(width, width, 3, stride, width, nn.ReLU6),
                                    conv_bn(width, outputs, 1, act=None))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y = self.branch(x)
        return x + y if self.adds else y


def mobilenet():
    layers, inputs = [conv_bn(3, 32, 3, 2, act=nn.ReLU6)], 32
    for expand, outputs, count, stride in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                           (6, 160, 3, 2), (6, 320, 1, 1)):
        for index in range(count):
            layers.append(InvertedResidual(inputs, outputs, stride if index == 0 else 1, expand))
            inputs = outputs
    layers.append(conv_bn(inputs, 1280, 1, act=nn.ReLU6))
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000))


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.output = nn.Linear(width, width)

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        query, key, value = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        return self.output(mixed.transpose(1, 2).flatten(2))


class EncoderLayer(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.attention = Attention(width, heads)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.feed = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        x = self.norm1(x + self.attention(x, mask))
        return self.norm2(x + self.feed(x))


class Encoder(nn.Module):
    """Token numbers and attention mask, int64 [batch, length], to the last states, float32 [batch, length, 384], and their mean.

    The mean alone is the output, unless `states` is set: pipelines of @huggingface/transformers take the mean themselves.
    """

    states = False

    def __init__(self, vocabulary=30522, length=512, width=384, layers=6, heads=12):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(length, width)
        self.norm = nn.LayerNorm(width)
        self.layers = nn.ModuleList(EncoderLayer(width, heads, 4 * width) for _ in range(layers))

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        x = self.norm(self.tokens(input_ids) + self.positions(places))
        kept = attention_mask.to(x.dtype)
        mask = ((1.0 - kept) * -1e4)[:, None, None, :]
        for layer in self.layers:
            x = layer(x, mask)
        if self.states:
            return x
        weight = kept.unsqueeze(-1)
        return (x * weight).sum(1) / weight.sum(1)


def mlp():
    return nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))


def wide():
    """Small, and bound by memory: one row reads as many weights as a hundred."""
    return nn.Sequential(nn.Linear(256, 2048), nn.ReLU(), nn.Linear(2048, 1024), nn.ReLU(), nn.Linear(1024, 10))


def matmul():
    """One large product, the most of its peak that a CPU gives: what the shares of the others are shares of."""
    return nn.Linear(2048, 2048, bias=False)


def image(batch):
    return {"x": torch.randn(batch, 3, 224, 224)}


def sentence(batch, length=128):
    return {"input_ids": torch.randint(0, 30522, (batch, length)),
            "attention_mask": torch.ones(batch, length, dtype=torch.int64)}


MODELS = {
    "resnet50": (resnet50, lambda batch: image(batch), {}),
    "mobilenet": (mobilenet, lambda batch: image(batch), {}),
    "encoder": (Encoder, lambda batch: sentence(batch), {1: "length"}),
    "matmul": (matmul, lambda batch: {"x": torch.randn(256 * batch, 2048)}, {}),
    "wide": (wide, lambda batch: {"x": torch.randn(batch, 256)}, {}),
    "mlp": (mlp, lambda batch: {"x": torch.randn(batch, 64)}, {}),
}


def build(name):
    """A model with its weights, which are the same each time."""
    torch.manual_seed(0)
    return MODELS[name][0]().eval()


def export_onnx(model, inputs, free, output, file):
    axes = {key: {0: "batch", **free} for key in inputs}
    torch.onnx.export(model, tuple(inputs.values()), str(file), dynamo=False, opset_version=17, input_names=list(inputs),
                      output_names=[output], dynamic_axes={**axes, output: {0: "batch"}})


def main(folder, names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or MODELS:
        model = build(name)
        _, inputs_of, free = MODELS[name]
        inputs = inputs_of(2)
        with torch.no_grad():
            torch.jit.trace(model, tuple(inputs.values())).save(str(folder / f"{name}.pt"))
            export_onnx(model, inputs, free, "y", folder / f"{name}.onnx")
        print(name, sum(p.numel() for p in model.parameters()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])

"""Exports a transformer encoder and an LSTM classifier as ONNX files: make_sequence_models.py FOLDER

The weights are random numbers of a fixed seed. Layers are scaled so that activations stay near 1, as in trained models.
"""

import sys
import warnings
from pathlib import Path

import torch
from torch import nn

warnings.filterwarnings("ignore")


class Encoder(nn.Module):
    """Token numbers [batch, length] to scores [batch, 16]."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(500, 128)
        self.position = nn.Parameter(torch.randn(1, 64, 128) * 0.3)
        layer = nn.TransformerEncoderLayer(128, 4, 256, batch_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 3, enable_nested_tensor=False)
        self.head = nn.Linear(128, 16)

    def forward(self, tokens):
        hidden = self.embedding(tokens) + self.position[:, : tokens.shape[1]]
        return self.head(self.encoder(hidden).mean(1))


class Recurrent(nn.Module):
    """Features [batch, length, 40] to scores [batch, 16]."""

    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(40, 96, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(192, 16)

    def forward(self, features):
        return self.head(self.lstm(features)[0].mean(1))


def export(model, example, name, path):
    model.eval()
    torch.onnx.export(
        model,
        (example,),
        path,
        input_names=[name],
        output_names=["scores"],
        dynamic_axes={name: {0: "batch"}},
        opset_version=17,
        dynamo=False,
    )


folder = Path(sys.argv[1])
torch.manual_seed(7)
export(Encoder(), torch.randint(0, 500, (1, 48)), "tokens", folder / "encoder.onnx")
export(Recurrent(), torch.randn(1, 30, 40), "features", folder / "lstm.onnx")

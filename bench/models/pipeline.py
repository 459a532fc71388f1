"""Makes the folder that the feature-extraction pipeline of @huggingface/transformers loads, of the encoder of make.py.

    python bench/models/pipeline.py FOLDER      # needs torch and onnx

The weights are those of encoder.onnx. The tokenizer knows a word for each number, `t0` to `t30521`, and adds nothing, so that
a text gives the very numbers that the other contestants are given.
"""
import json
import sys
from pathlib import Path

import torch

import make

VOCABULARY = 30522


def tokenizer():
    return {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None, "post_processor": None, "decoder": None,
        "added_tokens": [], "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {"type": "WordLevel", "unk_token": "t0", "vocab": {f"t{number}": number for number in range(VOCABULARY)}},
    }


def main(folder):
    (folder / "onnx").mkdir(parents=True, exist_ok=True)
    files = {
        "config.json": {"model_type": "bert", "architectures": ["BertModel"], "vocab_size": VOCABULARY},
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 512, "pad_token": "t0",
                                  "unk_token": "t0"},
        "tokenizer.json": tokenizer(),
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    model = make.build("encoder")
    model.states = True
    with torch.no_grad():
        make.export_onnx(model, make.sentence(2), {1: "length"}, "last_hidden_state", folder / "onnx" / "model.onnx")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

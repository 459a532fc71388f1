"""The protocol of bench/contestants/protocol.ts, for peers in Python."""
import json
import os
import sys
import time
import traceback

import numpy as np


class Absent(Exception):
    """The contestant cannot take part here, and this is why."""


def timed(call, ms):
    """The first call is not counted, unless it takes as long as all of them may."""
    def one():
        start = time.perf_counter()
        call()
        return 1000 * (time.perf_counter() - start)

    first = one()
    durations = [] if first < ms else [first]
    end = time.perf_counter() + ms / 1000
    while not durations or (first < ms and time.perf_counter() < end):
        durations.append(one())
    return {"durations": durations}


def answer_lines(open_model):
    """open_model(model, threads) gives (versions, settings, prepare). prepare(arrays by name) gives a call without arguments,
    which returns an array."""
    # What libraries print goes to standard error.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    calls = []

    def reply(question):
        ask = question["ask"]
        if ask == "open":
            versions, settings, prepare = open_model(question["model"], question["threads"])
            for files in question["inputs"]:
                calls.append(prepare({name: np.load(file) for name, file in files.items()}))
                calls[-1]()
            return {"versions": {"python": sys.version.split()[0], **versions}, "settings": settings}
        call = calls[question["input"]]
        if ask == "calls":
            return timed(call, question["ms"])
        output = call()
        return {"shape": list(output.shape), "data": output.astype(np.float32).flatten().tolist()}

    for line in sys.stdin:
        try:
            value = reply(json.loads(line))
        except (Absent, ImportError) as error:
            value = {"absent": str(error)}
        except Exception:
            value = {"error": traceback.format_exc()}
        answers.write(json.dumps(value) + "\n")
        answers.flush()

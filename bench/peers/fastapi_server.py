"""uvicorn serving a PyTorch model in eager mode through FastAPI: what most teams write first.

python fastapi_server.py MODEL PORT THREADS

MODEL is a name of bench/models/make.py. The body of a request is the float32 bytes of x, the answer those of y, so that JSON
does not decide the comparison. The model runs in Starlette's thread pool, so that the loop stays free.
"""
import sys
from pathlib import Path

import numpy as np
import torch
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

sys.path.insert(0, str(Path(__file__).parent.parent / "models"))
import make  # noqa: E402

name, port, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)
torch.manual_seed(0)
build, inputs_of, _ = make.MODELS[name]
model = build().eval()
shape = next(iter(inputs_of(1).values())).shape[1:]


def infer(body: bytes) -> bytes:
    x = torch.from_numpy(np.frombuffer(body, dtype=np.float32).copy()).reshape(-1, *shape)
    with torch.inference_mode():
        return model(x).numpy().tobytes()


infer(np.zeros((1, *shape), dtype=np.float32).tobytes())
app = FastAPI()


@app.get("/ready")
def ready():
    return {"torch": torch.__version__, "threads": torch.get_num_threads()}


@app.post("/infer")
async def answer(request: Request):
    return Response(await run_in_threadpool(infer, await request.body()), media_type="application/octet-stream")


uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)

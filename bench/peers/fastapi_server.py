"""FastAPI and uvicorn serving a PyTorch or an ONNX model: what most teams write first.

python fastapi_server.py FILE INPUTS PORT THREADS

Body and answer are those of served_model.py. The model runs in Starlette's thread pool, so that the loop stays free; one
request at a time, for its threads are one budget.
"""
import sys
from threading import Lock

import fastapi
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

from served_model import ServedModel

file, inputs, port, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
model = ServedModel(file, inputs, threads)
turn = Lock()
app = FastAPI()


def infer(body: bytes) -> bytes:
    with turn:
        return model.run([body])[0]


@app.get("/ready")
def ready():
    return {**model.versions, "fastapi": fastapi.__version__, "uvicorn": uvicorn.__version__}


@app.post("/infer")
async def answer(request: Request):
    return Response(await run_in_threadpool(infer, await request.body()), media_type="application/octet-stream")


# Connections of the load generator stay open while it loads the server less: by default uvicorn closes them after 5 s.
options = {"log_level": "error", "access_log": False, "timeout_keep_alive": 75}
uvicorn.run(app, host="127.0.0.1", port=port, loop="uvloop", http="httptools", **options)

"""Ray Serve with dynamic batching serving a PyTorch model.

python ray_serve_server.py FILE.pt INPUTS PORT THREADS

Body and answer are those of served_model.py. One replica; batches of up to eight, which wait for 2 ms at most, as the guide to
dynamic request batching has it for latency. Models and proxies share the cores that this process is pinned to.
"""
import signal
import sys

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response

file, inputs, port, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])


@serve.deployment(num_replicas=1, max_ongoing_requests=1000, ray_actor_options={"num_cpus": 0})
class Served:
    def __init__(self):
        from served_model import ServedModel
        self.model = ServedModel(file, inputs, threads)

    @serve.batch(max_batch_size=8, batch_wait_timeout_s=0.002)
    async def infer(self, bodies):
        return self.model.run(bodies)

    async def __call__(self, request: Request):
        if request.url.path == "/ready":
            return {"ray": ray.__version__, **self.model.versions}
        return Response(await self.infer(await request.body()), media_type="application/octet-stream")


ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error",
         runtime_env={"env_vars": {"PYTHONPATH": sys.path[0]}})
serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config={"log_level": "ERROR", "enable_access_log": False})
serve.run(Served.bind(), route_prefix="/")


def stop(*_):
    # Ends all processes of this cluster, of Serve as well.
    ray.shutdown()
    sys.exit(0)


signal.signal(signal.SIGTERM, stop)
signal.pause()

import type { TestContext } from 'node:test';
import { createGrpcServer, createServer, Engine, type EngineOptions, MetricsObserver } from 'infernode/server';
import { type Client, connect } from './grpc-peer.js';
import { ask } from './serving.js';

/** One engine behind HTTP and gRPC. */
export interface BothProtocols {
  readonly engine: Engine;
  readonly url: string;
  readonly grpcPort: number;
  readonly call: Client['call'];
  /** What /metrics says of this series, such as `infernode_queue_rows{model="m",version="1"}`; undefined where it is not there. */
  readonly metric: (series: string) => Promise<number | undefined>;
  /** Stops both servers, as `infernode serve` does. */
  readonly stop: (graceMs?: number) => Promise<void>;
}

/** Serves an engine until the test ends; before its models are loaded, and without a pause between requests to load. */
export async function serveBoth(t: TestContext, options: EngineOptions): Promise<BothProtocols> {
  const metrics = new MetricsObserver();
  const engine = await Engine.start({ threads: 1, ...options, observe: metrics.observe });
  const http = await createServer({ engine, metrics, port: 0 });
  const grpc = createGrpcServer({ engine, port: 0 });
  const [url, grpcPort] = await Promise.all([http.listen(), grpc.listen()]);
  const { call, disconnect } = connect(grpcPort);
  const stop = async (graceMs = 1000) => {
    await Promise.all([http.close(graceMs), grpc.close(graceMs)]);
  };
  t.after(async () => {
    disconnect();
    await stop();
    await engine.close();
    metrics.close();
  });
  const metric = async (series: string) => {
    const lines = (await ask(`${url}/metrics`)).bytes.toString().split('\n');
    const line = lines.find((one) => one.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length));
  };
  return { engine, url, grpcPort, call, metric, stop };
}

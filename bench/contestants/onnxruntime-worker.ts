/**
 * node onnxruntime-worker.js: onnxruntime-node in a worker thread, as one keeps its blocking calls off the event loop. Inputs
 * are copied to the worker, for the caller keeps them; outputs are moved back.
 */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { answerAsPeer, type Inputs } from './answer-as-peer.js';
import { options, version } from './onnxruntime.js';

interface Plain {
  readonly dtype: string;
  readonly data: Float32Array;
  readonly shape: readonly number[];
}
type Call = { readonly id: number; readonly inputs: Readonly<Record<string, Plain>> };
type Answer = { readonly id: number; readonly output: Plain };

async function work(file: string, threads: number): Promise<void> {
  const session = await InferenceSession.create(file, options(threads));
  parentPort!.on('message', async ({ id, inputs }: Call) => {
    const feeds = Object.fromEntries(
      Object.entries(inputs).map(([name, { dtype, data, shape }]) => [
        name,
        new Tensor(dtype as 'float32', data, shape),
      ]),
    );
    const { type, data, dims } = (await session.run(feeds))[session.outputNames[0]!]!;
    const output = { dtype: type, data: data as Float32Array, shape: dims };
    parentPort!.postMessage({ id, output } satisfies Answer, [output.data.buffer as ArrayBuffer]);
  });
  parentPort!.postMessage('ready');
}

async function open(file: string, threads: number) {
  const worker = new Worker(new URL(import.meta.url), { workerData: { file, threads } });
  await once(worker, 'message');
  const waiting = new Map<number, (output: Plain) => void>();
  worker.on('message', ({ id, output }: Answer) => {
    waiting.get(id)!(output);
    waiting.delete(id);
  });
  let calls = 0;
  const run = (inputs: Call['inputs']) =>
    new Promise<Plain>((resolve) => {
      waiting.set(++calls, resolve);
      worker.postMessage({ id: calls, inputs } satisfies Call);
    });
  const plain = (inputs: Inputs) =>
    Object.fromEntries(
      Object.entries(inputs).map(([name, { dtype, data, shape }]) => [
        name,
        { dtype, data: data as Float32Array, shape },
      ]),
    );
  return {
    versions: { 'onnxruntime-node': version },
    settings: `${threads} thread(s), one worker`,
    inFlight: 2,
    prepare(inputs: Inputs) {
      const call = plain(inputs);
      return () => run(call);
    },
    answer: (inputs: Inputs) => run(plain(inputs)),
  };
}

if (isMainThread) await answerAsPeer(open);
else await work(workerData.file, workerData.threads);

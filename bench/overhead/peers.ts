import { join } from 'node:path';
import { listBackends, load, type Model, Tensor } from 'infernode';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { ROOT } from '../root.js';

const fixture = (name: string) => join(ROOT, 'test/fixtures', name);

/** One way of running a model: a backend of ours, or onnxruntime-node by itself on the main thread. */
export interface Peer {
  readonly name: string;
  readonly run: () => Promise<unknown>;
  /** Null for onnxruntime-node, whose only `run` blocks. */
  readonly runSync: (() => unknown) | null;
  /** The first elements of the answer, to compare before anything is timed. */
  readonly answer: () => Promise<ArrayLike<number>>;
  readonly close: () => Promise<void>;
}

/** Opens every peer for a model that exists as `NAME.pt` and `NAME.onnx`, on the same input, one thread each. */
export async function openPeers(name: string, data: Float32Array, shape: number[]): Promise<Peer[]> {
  const peers = [await onnxruntime(fixture(`${name}.onnx`), data, shape)];
  const input = new Tensor('float32', data, shape);
  for (const { name: backend, available } of await listBackends()) {
    if (!available) continue;
    const file = fixture(backend === 'torch' ? `${name}.pt` : `${name}.onnx`);
    const model = await load(file, { backend, threads: 1 });
    peers.push(ours(`infernode ${backend}`, model, [input]));
  }
  await checkAnswers(peers);
  return peers;
}

function ours(name: string, model: Model, inputs: (Tensor | number)[]): Peer {
  return {
    name,
    run: () => model.run(inputs),
    runSync: () => model.runSync(inputs),
    answer: async () => Object.values(await model.run(inputs))[0]!.toNumbers(),
    close: () => model.close(),
  };
}

async function onnxruntime(file: string, data: Float32Array, shape: number[]): Promise<Peer> {
  const session = await InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const feeds = { [session.inputNames[0]!]: new OrtTensor('float32', data, shape) };
  return {
    name: 'onnxruntime-node',
    run: () => session.run(feeds),
    runSync: null,
    answer: async () => Object.values(await session.run(feeds))[0]!.data as Float32Array,
    close: () => session.release(),
  };
}

/** A benchmark whose peers disagree measures nothing. */
async function checkAnswers(peers: readonly Peer[]): Promise<void> {
  const [first, ...others] = await Promise.all(peers.map((peer) => peer.answer()));
  for (const other of others) {
    for (let i = 0; i < first!.length; i++) {
      if (Math.abs(first![i]! - other[i]!) > 1e-4)
        throw new Error(`The answers differ at ${i}: ${first![i]} and ${other[i]}`);
    }
  }
}

/** node onnxruntime.js: onnxruntime-node by itself on the main thread. */
import { createRequire } from 'node:module';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { answerAsPeer, type Inputs } from './answer-as-peer.js';

/** What its documentation advises for speed; all optimizations of the graph are its default. */
export const options = (threads: number): InferenceSession.SessionOptions => ({
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'all',
  logSeverityLevel: 3,
});

export const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };

if (import.meta.filename === process.argv[1]) {
  await answerAsPeer(async (file, threads) => {
    const session = await InferenceSession.create(file, options(threads));
    const run = (feeds: InferenceSession.FeedsType) => session.run(feeds);
    return {
      versions: { 'onnxruntime-node': version },
      settings: `${threads} thread(s), main thread`,
      inFlight: 1,
      prepare(inputs) {
        const feeds = feedsOf(inputs);
        return () => run(feeds);
      },
      async answer(inputs) {
        const first = (await run(feedsOf(inputs)))[session.outputNames[0]!]!;
        return { shape: first.dims, data: first.data as Float32Array };
      },
    };
  });
}

export function feedsOf(inputs: Inputs): Record<string, Tensor> {
  const entries = Object.entries(inputs).map(([name, { dtype, data, shape }]) => [
    name,
    new Tensor(dtype as 'float32', data as Float32Array, shape),
  ]);
  return Object.fromEntries(entries);
}

/**
 * node transformers.js: the feature-extraction pipeline of @huggingface/transformers, which bench/peers/package.json installs. It is
 * given texts and takes them to numbers, and the states to their mean, itself: that is what its pipeline is for.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT } from '../root.js';
import { answerAsPeer, type Inputs } from './answer-as-peer.js';
import { Absent } from './protocol.js';

interface Output {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}
type Pipeline = (texts: readonly string[], options: { readonly pooling: 'mean' }) => Promise<Output>;

const PACKAGE = '@huggingface/transformers';

async function library() {
  const peers = createRequire(join(ROOT, 'bench/peers/package.json'));
  let file: string;
  try {
    file = peers.resolve(PACKAGE);
  } catch {
    throw new Absent(`${PACKAGE} is not installed: npm run bench:peers installs it`);
  }
  return import(file);
}

await answerAsPeer(async (folder, threads) => {
  const { pipeline, env } = await library();
  env.allowRemoteModels = false;
  const options = { dtype: 'fp32', device: 'cpu', local_files_only: true };
  const session_options = { intraOpNumThreads: threads, interOpNumThreads: 1 };
  const extract: Pipeline = await pipeline('feature-extraction', folder, { ...options, session_options });
  const run = (texts: readonly string[]) => extract(texts, { pooling: 'mean' });
  return {
    versions: { [PACKAGE]: env.version },
    settings: `${threads} thread(s), fp32, texts in, tokenizer and mean included`,
    inFlight: 1,
    prepare(inputs) {
      const texts = textsOf(inputs);
      return () => run(texts);
    },
    async answer(inputs) {
      const { dims, data } = await run(textsOf(inputs));
      return { shape: dims, data };
    },
  };
});

/** The texts that its tokenizer reads these numbers from. */
function textsOf({ input_ids: ids }: Inputs): string[] {
  const [rows, length] = ids!.shape as [number, number];
  const numbers = Array.from(ids!.data as BigInt64Array, String);
  return Array.from({ length: rows }, (_, index) =>
    numbers
      .slice(index * length, (index + 1) * length)
      .map((number) => `t${number}`)
      .join(' '),
  );
}

import { Tensor } from 'infernode';
import type { SampleInputs } from '#src/conversion/build';

/** A model of bench/models/make.py, and how it is measured. */
export interface BenchModel {
  readonly name: string;
  readonly title: string;
  /** The inputs of a call of so many samples. Numbers without a pattern, the same each time for the same seed. */
  readonly inputs: (samples: number, seed?: number) => SampleInputs;
  /** How onnxruntime's own tools quantize such a network. */
  readonly int8: 'static' | 'dynamic';
  /** Within which the 99th percentile of the scenario Server must stay: some times what one inference takes on a core. */
  readonly boundMs: number;
  /** Larger calls tell nothing new, and take seconds. */
  readonly largestBatch: number;
}

export const MODELS: readonly BenchModel[] = [
  { name: 'resnet50', title: 'ResNet-50, 224 x 224', inputs: picture, int8: 'static', boundMs: 500, largestBatch: 8 },
  {
    name: 'mobilenet',
    title: 'MobileNet v2, 224 x 224',
    inputs: picture,
    int8: 'static',
    boundMs: 100,
    largestBatch: 32,
  },
  {
    name: 'encoder',
    title: 'MiniLM-size encoder, 128 tokens',
    inputs: sentence,
    int8: 'dynamic',
    boundMs: 250,
    largestBatch: 8,
  },
  { name: 'mlp', title: 'MLP, 64-128-128-10', inputs: row, int8: 'dynamic', boundMs: 20, largestBatch: 32 },
];

function picture(samples: number, seed = 1): SampleInputs {
  return { x: new Tensor('float32', noise(samples * 3 * 224 * 224, seed), [samples, 3, 224, 224]) };
}

function sentence(samples: number, seed = 1): SampleInputs {
  const size = samples * 128;
  const ids = BigInt64Array.from({ length: size }, (_, index) => BigInt(((index + 1) * 7919 * seed) % 30_000));
  return {
    input_ids: new Tensor('int64', ids, [samples, 128]),
    attention_mask: new Tensor('int64', new BigInt64Array(size).fill(1n), [samples, 128]),
  };
}

function row(samples: number, seed = 1): SampleInputs {
  return { x: new Tensor('float32', noise(samples * 64, seed), [samples, 64]) };
}

/** Between -1.7 and 1.7, as wide as numbers of the standard normal distribution are. */
function noise(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state / 2 ** 32 - 0.5) * 3.4;
  });
}

/**
 * Times a model on a GPU: node gpu.js MODEL PRECISION BATCH,... SECONDS. Prints a line of JSON for each batch.
 * scripts/gpu/gpu.py runs it beside PyTorch.
 */
import { type InputValue, load, type Model, type Precision, Tensor } from 'infernode';

/** Enough that one computes while the inputs of the others are copied. */
const INSTANCES = 3;

/** Random inputs by what bench/models/make.py gives its models. */
function inputsOf(model: Model, batch: number): InputValue[] {
  return model.signature.inputs.map(({ name, dtype }) => {
    if (name === 'input_ids') return integers([batch, 128], () => Math.floor(Math.random() * 30522));
    if (name === 'attention_mask') return integers([batch, 128], () => 1);
    const shape = model.path.includes('mlp') ? [batch, 64] : [batch, 3, 224, 224];
    const size = shape.reduce((product, dim) => product * dim, 1);
    if (dtype !== null && dtype !== 'float32') throw new Error(`no inputs of ${dtype} are made up`);
    return new Tensor(
      'float32',
      Float32Array.from({ length: size }, () => Math.random() * 2 - 1),
      shape,
    );
  });
}

function integers(shape: readonly number[], value: () => number): Tensor {
  const size = shape.reduce((product, dim) => product * dim, 1);
  return new Tensor(
    'int64',
    BigInt64Array.from({ length: size }, () => BigInt(value())),
    shape,
  );
}

/** Milliseconds of calls one after another. */
async function latencies(model: Model, inputs: InputValue[], seconds: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end || times.length < 10) {
    const start = performance.now();
    await model.run(inputs);
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b);
}

/** Calls in a second, several under way at once. */
async function rate(model: Model, inputs: InputValue[], seconds: number): Promise<number> {
  let calls = 0;
  const start = performance.now();
  const end = start + seconds * 1000;
  const worker = async () => {
    while (performance.now() < end) {
      await model.run(inputs);
      calls++;
    }
  };
  await Promise.all(Array.from({ length: 2 * model.info.instances }, worker));
  return (1000 * calls) / (performance.now() - start);
}

/** Until every executor has recorded its graph. */
async function warmUp(model: Model, inputs: InputValue[]): Promise<void> {
  for (let round = 0; round < 20; round++) {
    await Promise.all(Array.from({ length: 2 * model.info.instances }, () => model.run(inputs)));
  }
}

async function measure(path: string, precision: Precision, batch: number, seconds: number): Promise<object> {
  const options = { backend: 'torch', device: 'cuda', precision } as const;
  const result: Record<string, unknown> = { precision, batch };
  for (const [name, graphs] of [
    ['computed', false],
    ['replayed', true],
  ] as const) {
    await using alone = await load(path, { ...options, graphs });
    const inputs = inputsOf(alone, batch);
    await warmUp(alone, inputs);
    const times = await latencies(alone, inputs, seconds);
    await using several = await load(path, { ...options, graphs, instances: INSTANCES });
    await warmUp(several, inputs);
    result[name] = {
      medianMs: times[times.length >> 1],
      p99Ms: times[Math.floor(0.99 * (times.length - 1))],
      callsPerSecond: await rate(several, inputs, seconds),
      calls: times.length,
      graphs: several.graphs,
    };
  }
  return result;
}

const [path, precision, batches, seconds] = process.argv.slice(2) as [string, Precision, string, string];
for (const batch of batches.split(',').map(Number)) {
  process.stdout.write(`${JSON.stringify(await measure(path, precision, batch, Number(seconds)))}\n`);
}

/**
 * node .build/ts/bench/precision.js FOLDER [ROUNDS]: what each precision brings, on models that bench/models/make.py wrote to
 * FOLDER; with --smoke in its place, one short round of a small bundled model, to see that it runs. Every candidate has a process of its own, except onnxruntime-node by itself, which runs here; two threads each;
 * interleaved rounds, medians.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tensor } from 'infernode';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { spreadOf as spread } from '#src/benchmark/figures';
import type { Build, SampleInputs } from '#src/conversion/build';
import { CandidateProcess } from '#src/conversion/candidate-process';
import { cosine } from '../test/support/accuracy.js';

const SMOKE = process.argv[2] === '--smoke';
const [folder, rounds = '5'] = (SMOKE ? ['models/shapes/1', '1'] : process.argv.slice(2)) as [string, string?];
const THREADS = 2;
const ROUND_MS = SMOKE ? 1 : 500;

/** Numbers that look random and are the same each time. */
function noise(length: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (state * 1103515245 + 12345) >>> 0;
    return (state / 2 ** 32 - 0.5) * 3.4;
  });
}

const SIDE = SMOKE ? 64 : 224;
const picture = (batch: number, seed = 1): SampleInputs => ({
  x: new Tensor('float32', noise(batch * 3 * SIDE * SIDE, seed), [batch, 3, SIDE, SIDE]),
});
const sentence = (batch: number, seed = 1): SampleInputs => ({
  input_ids: new Tensor(
    'int64',
    BigInt64Array.from({ length: batch * 128 }, (_, i) => BigInt((i * 7919 * seed) % 30000)),
    [batch, 128],
  ),
  attention_mask: new Tensor('int64', new BigInt64Array(batch * 128).fill(1n), [batch, 128]),
});
const rows = (batch: number, seed = 1): SampleInputs => ({
  x: new Tensor('float32', noise(batch * 256 * 2048, seed), [batch * 256, 2048]),
});

/** Billions of multiplications and additions of one row, where they are known. */
const MODELS = SMOKE
  ? [{ name: 'model', inputs: picture, gflop: null }]
  : [
      { name: 'resnet50', inputs: picture, gflop: 8.178 },
      { name: 'mobilenet', inputs: picture, gflop: 0.6 },
      { name: 'encoder', inputs: sentence, gflop: null },
      { name: 'matmul', inputs: rows, gflop: (2 * 256 * 2048 * 2048) / 1e9 },
    ];

interface Runner {
  readonly name: string;
  readonly precision: string;
  latency(inputs: SampleInputs): Promise<number>;
  answer(inputs: SampleInputs): Promise<Float32Array>;
  close(): Promise<void>;
}

async function onnxruntime(name: string, file: string, precision: string): Promise<Runner> {
  const session = await InferenceSession.create(file, { intraOpNumThreads: THREADS, interOpNumThreads: 1 });
  const feeds = (inputs: SampleInputs) =>
    Object.fromEntries(
      Object.entries(inputs).map(([key, value], index) => {
        const { dtype, data, shape } = value as Tensor<'float32'>;
        return [session.inputNames.includes(key) ? key : session.inputNames[index]!, new OrtTensor(dtype, data, shape)];
      }),
    );
  return {
    name,
    precision,
    async latency(inputs) {
      const given = feeds(inputs);
      const times: number[] = [];
      const end = performance.now() + ROUND_MS;
      while (times.length < 5 || performance.now() < end) {
        const start = performance.now();
        await session.run(given);
        times.push(performance.now() - start);
      }
      return spread(times).median;
    },
    answer: async (inputs) => Object.values(await session.run(feeds(inputs)))[0]!.data as Float32Array,
    close: () => session.release(),
  };
}

async function candidate(build: Build, scratch: string, samples: SampleInputs[]): Promise<Runner> {
  let file = build.source;
  if (build.precision === 'int8') {
    file = join(scratch, `${build.name.replaceAll(' ', '-')}.${build.format === 'onnx' ? 'onnx' : 'pt'}`);
    const maker = new CandidateProcess();
    await maker.convert(build, file, build.mode === 'static' ? samples : [], undefined);
    await maker.end();
  }
  const child = new CandidateProcess();
  const precision = build.precision === 'bf16' ? 'bf16' : 'auto';
  const { backend, format } = build;
  await child.load({ backend, file, format, precision, layout: {}, threads: THREADS, libtorch: undefined });
  return {
    name: build.name,
    precision: build.precision,
    latency: (inputs) => child.latency(inputs, ROUND_MS),
    answer: async (inputs) => Object.values(await child.run(inputs))[0]!.data as Float32Array,
    close: () => child.end(),
  };
}

const best: Record<string, number> = {};
const scratch = await mkdtemp(join(tmpdir(), 'infernode-bench-'));
try {
  for (const { name, inputs, gflop } of [...MODELS].reverse()) {
    const torch = { source: join(folder, `${name}.pt`), backend: 'torch', format: 'torchscript' } as const;
    const onnx = { source: join(folder, `${name}.onnx`), backend: 'onnx', format: 'onnx' } as const;
    const samples = Array.from({ length: 8 }, (_, i) => inputs(1, i + 2));
    const int8 = { precision: 'int8', observer: 'min-max' } as const;
    const linear = name === 'encoder' || name === 'matmul';
    const quantized = await candidate(
      { ...onnx, ...int8, name: `${name} onnx int8 static`, mode: 'static' },
      scratch,
      samples,
    );
    const runners: Runner[] = [
      await onnxruntime('onnxruntime-node fp32', onnx.source, 'fp32'),
      await onnxruntime('onnxruntime-node int8 static', join(scratch, `${name}-onnx-int8-static.onnx`), 'int8'),
      await candidate({ ...torch, name: `${name} torch fp32`, precision: 'fp32' }, scratch, samples),
      await candidate({ ...torch, name: `${name} torch bf16`, precision: 'bf16' }, scratch, samples),
      await candidate({ ...torch, ...int8, name: `${name} torch int8 static`, mode: 'static' }, scratch, samples),
      ...(linear
        ? [
            await candidate(
              { ...torch, ...int8, name: `${name} torch int8 dynamic`, mode: 'dynamic' },
              scratch,
              samples,
            ),
            await candidate({ ...onnx, ...int8, name: `${name} onnx int8 dynamic`, mode: 'dynamic' }, scratch, samples),
          ]
        : []),
      quantized,
    ];
    console.log(`\n${name}: median ms (min..max of rounds), ratio to onnxruntime-node fp32, share of the best product`);
    for (const batch of [1, 8]) {
      const given = inputs(batch);
      const reference = await runners[0]!.answer(given);
      const times = runners.map((): number[] => []);
      for (let round = 0; round < Number(rounds); round++) {
        for (const [index, runner] of runners.entries()) times[index]!.push(await runner.latency(given));
      }
      const base = spread(times[0]!).median;
      for (const [index, runner] of runners.entries()) {
        const { median, min, max } = spread(times[index]!);
        const rate = gflop === null ? null : (gflop * batch) / median;
        if (name === 'matmul' && rate !== null) {
          best[runner.precision] = Math.max(best[runner.precision] ?? 0, rate);
        }
        const share =
          rate === null || !best[runner.precision] ? '' : `${((100 * rate) / best[runner.precision]!).toFixed(0)} %`;
        const figures = `${median.toFixed(2)} (${min.toFixed(2)}..${max.toFixed(2)})`.padEnd(26);
        const agreement = cosine(await runner.answer(given), reference).toFixed(5);
        console.log(
          `batch ${batch}  ${runner.name.padEnd(34)} ${figures} ${(base / median).toFixed(2)}x  ${share.padEnd(6)} cosine ${agreement}`,
        );
      }
    }
    for (const runner of runners) await runner.close();
  }
} finally {
  await rm(scratch, { recursive: true, force: true });
}

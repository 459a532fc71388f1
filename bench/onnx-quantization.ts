/**
 * node .build/ts/bench/onnx-quantization.js [--smoke]: latency of models converted here and by Python's onnxruntime, side
 * by side in the same runtime with one thread. Needs the test data and INFERNODE_PYTHON.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, type Tensor } from 'infernode';
import { convertOnnx } from '#src/conversion/onnx/convert';
import type { OnnxRecipe } from '#src/conversion/onnx/recipe';
import { fill } from '../test/support/lcg.js';
import { needsOnnxPython, type OnnxInputs, quantizeWithPython, runOnnxPython } from '../test/support/onnx-peer.js';
import { dataFile, needsTestData, repository } from '../test/support/test-data.js';

const smoke = process.argv.includes('--smoke');
const budgetMs = smoke ? 50 : 4000;
const ways = {
  static: { precision: 'int8', mode: 'static' },
  dynamic: { precision: 'int8', mode: 'dynamic' },
  fp16: { precision: 'fp16' },
} as const satisfies Record<string, OnnxRecipe>;

const folder = mkdtempSync(join(tmpdir(), 'infernode-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const line = (...cells: (string | number)[]) =>
  console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(40) : String(cell).padStart(12))).join(''));

/** Medians in ms of models on the same input. They take turns, and begin each round with another one. */
async function medians(paths: readonly string[], input: OnnxInputs): Promise<number[]> {
  const models = await Promise.all(paths.map((path) => load(path, { threads: 1 })));
  for (const model of models) for (let i = 0; i < 3; i++) model.runSync(input);
  const times = models.map((): number[] => []);
  const end = performance.now() + budgetMs * models.length;
  for (let round = 0; performance.now() < end || round < 3; round++) {
    for (let i = 0; i < models.length; i++) {
      const turn = (i + round) % models.length;
      const start = performance.now();
      models[turn]!.runSync(input);
      times[turn]!.push(performance.now() - start);
    }
  }
  for (const model of models) await model.close();
  return times.map((list) => list.sort((a, b) => a - b)[list.length >> 1]!);
}

async function compare(name: string, path: string, shapes: Record<string, readonly number[]>): Promise<void> {
  const inputs = (seed: number): OnnxInputs =>
    Object.fromEntries(
      Object.entries(shapes).map(([key, shape]): [string, Tensor] => {
        const dtype = key === 'tokens' ? 'int64' : 'float32';
        return [
          key,
          fill({ name: key, dtype, shape, seed, lo: key === 'tokens' ? 0 : -1, hi: key === 'tokens' ? 500 : 1 }, seed),
        ];
      }),
    );
  const samples = Array.from({ length: 8 }, (_, i) => inputs(i + 1));
  const peers = await quantizeWithPython(path, samples, join(folder, name));
  for (const way of Object.keys(ways) as (keyof typeof ways)[]) {
    const target = join(folder, name, `ours-${way}.onnx`);
    await convertOnnx(path, target, ways[way], { samples });
    const peer = peers[way];
    const runs =
      peer !== null &&
      (await load(peer).then(
        (model) => model.close().then(() => true),
        () => false,
      ));
    const [float, own, theirs] = await medians(runs ? [path, target, peer] : [path, target], inputs(99));
    const ratio = theirs === undefined ? '-' : (own! / theirs).toFixed(3);
    line(
      `${name}, ${way}`,
      float!.toFixed(3),
      own!.toFixed(3),
      theirs?.toFixed(3) ?? '-',
      ratio,
      (float! / own!).toFixed(2),
    );
  }
}

const missing = needsTestData || needsOnnxPython;
if (missing) throw new Error(missing);
console.log(`${cpus()[0]!.model.trim()}, ${cpus().length} cores, Node ${process.versions.node}`);
line('', 'float32 ms', 'ours ms', 'Python ms', 'ours/Python', 'speed-up');
runOnnxPython(join(repository, 'test/support/make_sequence_models.py'), folder);
await compare('mobilenet_v2', dataFile('models/onnx/mobilenet_v2_fp32.onnx'), { input: [1, 3, 224, 224] });
await compare('resnet20', dataFile('models/onnx/resnet20_cifar10_fp32.onnx'), { input: [1, 3, 32, 32] });
await compare('kws_dscnn', dataFile('models/onnx/kws_dscnn_fp32.onnx'), { mfcc: [1, 1, 49, 10] });
await compare('speech_embedding', dataFile('models/onnx/speech_embedding.onnx'), { input_1: [1, 76, 32, 1] });
await compare('encoder', join(folder, 'encoder.onnx'), { tokens: [1, 48] });
await compare('lstm', join(folder, 'lstm.onnx'), { features: [1, 30, 40] });

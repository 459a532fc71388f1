import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { load, type Tensor } from 'infernode';
import type { Build } from '#src/conversion/build';
import { Conversion, quantizableLayers } from '#src/conversion/conversion';
import { ELEMENT } from '#src/conversion/onnx/element-type';
import { readModel } from '#src/conversion/onnx/read-model';
import { assertNear } from '../../support/accuracy.js';
import { reduceRange } from '../../support/cpu.js';
import { rejects } from '../../support/expect-error.js';
import { writeModel } from '../../support/onnx-builder.js';
import { fixture, needsTorch } from '../../support/torch.js';
import { makeFolder } from '../support/files.js';
import { convNet, matMul, noiseTensor } from './onnx/models.js';

type Choice = Pick<Build, 'precision'> & Partial<Build>;

const picture = (seed = 1) => noiseTensor([2, 2, 6, 6], seed);

async function onnxBuild(t: TestContext, graph: ReturnType<typeof convNet>, choice: Choice): Promise<Build> {
  const source = await writeModel(join(await makeFolder(t, {}), 'model.onnx'), graph);
  return { name: 'onnx', backend: 'onnx', source, format: 'onnx', ...choice };
}

const torchBuild = (name: string, choice: Choice): Build => ({
  name: 'torch',
  backend: 'torch',
  source: fixture(`${name}.pt`),
  format: 'torchscript',
  ...choice,
});

async function convert(t: TestContext, build: Build, samples: readonly Record<string, Tensor>[] = []) {
  const target = join(await makeFolder(t, {}), build.backend === 'onnx' ? 'made.onnx' : 'made.pt');
  const conversion = await Conversion.begin(build, target, undefined);
  for (const sample of samples) await conversion.show(sample);
  return { target, report: await conversion.finish() };
}

async function assertRight(build: Build, target: string, input: Tensor): Promise<void> {
  await using made = await load(target, { backend: build.backend });
  await using float = await load(build.source, { backend: build.backend });
  assertNear(await made.run([input]), await float.run([input]), 0.99);
}

const STATIC = { precision: 'int8', mode: 'static', observer: 'min-max', reduceRange } as const;
const DYNAMIC = { precision: 'int8', mode: 'dynamic', reduceRange } as const;
const pictures = [1, 2, 3].map((seed) => ({ x: picture(seed) }));

describe('the conversion of an ONNX file', () => {
  test('to static INT8 calibrates on what it is shown', async (t) => {
    const build = await onnxBuild(t, convNet(), STATIC);
    const { target, report } = await convert(t, build, pictures);
    assert.deepEqual(report, { converted: { Conv: 2, Relu: 1 }, left: {} });
    await assertRight(build, target, picture(99));
  });

  test('takes samples under the names of another export', async (t) => {
    const build = await onnxBuild(t, convNet(), STATIC);
    const { target } = await convert(
      t,
      build,
      pictures.map(({ x }) => ({ input_1: x })),
    );
    await assertRight(build, target, picture(99));
  });

  test('leaves excluded nodes, and reports them', async (t) => {
    const build = await onnxBuild(t, convNet(), { ...STATIC, exclude: ['second'] });
    const { report } = await convert(t, build, pictures);
    assert.equal(report.converted.Conv, 1);
    assert.equal(report.left.Conv, 1);
  });

  test('to dynamic INT8 and to FP16 needs no samples', async (t) => {
    for (const choice of [DYNAMIC, { precision: 'fp16' }] as const) {
      const build = await onnxBuild(t, matMul(), choice);
      const { target } = await convert(t, build);
      await assertRight(build, target, noiseTensor([3, 8], 99));
    }
  });

  test('to dynamic INT8 of seven bits has weights of seven bits', async (t) => {
    const largest = async (sevenBits: boolean) => {
      const { target } = await convert(t, await onnxBuild(t, matMul(), { ...DYNAMIC, reduceRange: sevenBits }));
      const weights = (await readModel(target)).graph.initializer.filter(({ dataType }) => dataType === ELEMENT.int8);
      // Zero points are of the same type.
      const values = weights.flatMap(({ rawData }) => Array.from(Int8Array.from(rawData ?? [])));
      return Math.max(...values.map(Math.abs));
    };
    assert.deepEqual([await largest(false), await largest(true)], [127, 64]);
  });

  test('to dynamic INT8 leaves convolutions as they are', async (t) => {
    const graph = await onnxBuild(t, convNet(), DYNAMIC);
    await rejects(convert(t, graph), 'INF_QUANTIZE_NOTHING', 'convolutions gain nothing');
  });

  test('to static INT8 without a sample is refused', async (t) => {
    const build = await onnxBuild(t, convNet(), STATIC);
    await rejects(convert(t, build), 'INF_CALIBRATION_INVALID', 'sample');
  });

  test('names the layers that it would quantize', async (t) => {
    assert.deepEqual(await quantizableLayers(await onnxBuild(t, convNet(), STATIC), undefined), [
      'first',
      'relu',
      'second',
    ]);
    assert.deepEqual(await quantizableLayers(await onnxBuild(t, matMul(), DYNAMIC), undefined), ['product']);
  });
});

describe('the conversion of a TorchScript file', { skip: needsTorch }, () => {
  const rows = [1, 2, 3].map((seed) => ({ x: noiseTensor([4, 16], seed) }));

  test('to static INT8 calibrates on what it is shown', async (t) => {
    const build = torchBuild('quantize-linear', STATIC);
    const { target, report } = await convert(
      t,
      build,
      rows.map(({ x }) => ({ input_1: x })),
    );
    assert.deepEqual(report, { converted: { 'quantized::linear': 1, 'quantized::linear_relu': 1 }, left: {} });
    await assertRight(build, target, noiseTensor([4, 16], 99));
  });

  test('to dynamic INT8 needs no samples', async (t) => {
    const build = torchBuild('quantize-linear', DYNAMIC);
    await assertRight(build, (await convert(t, build)).target, noiseTensor([4, 16], 99));
  });

  test('names the layers that it would quantize', async () => {
    assert.deepEqual(await quantizableLayers(torchBuild('quantize-residual', STATIC), undefined), ['inner', 'outer']);
    const convolutions = quantizableLayers(torchBuild('quantize-residual', DYNAMIC), undefined);
    await rejects(convolutions, 'INF_QUANTIZE_NOTHING', 'linear');
  });

  test('to FP16 is refused', async (t) => {
    const build = torchBuild('quantize-linear', { precision: 'fp16' });
    const target = join(await makeFolder(t, {}), 'made.pt');
    await rejects(Conversion.begin(build, target, undefined), 'INF_PRECISION_UNSUPPORTED', 'fp16');
    assert.equal(existsSync(target), false);
  });
});

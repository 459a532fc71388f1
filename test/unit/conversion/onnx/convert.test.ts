import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { load } from 'infernode';
import { type ConversionProgress, convertOnnx, readForQuantization } from '#src/conversion/onnx/convert';
import { listQuantizable } from '#src/conversion/onnx/list-quantizable';
import type { OnnxRecipe } from '#src/conversion/onnx/recipe';
import { offBy, reduceRange } from '../../../support/cpu.js';
import { rejects } from '../../../support/expect-error.js';
import { encodeModel, node, value, weight } from '../../../support/onnx-builder.js';
import { makeFolder } from '../../support/files.js';
import { convNet, decode, difference, noise, noiseTensor } from './models.js';

const x = noiseTensor([3, 2, 6, 6], 9);
const recipes: OnnxRecipe[] = [
  { precision: 'fp16' },
  { precision: 'int8', mode: 'dynamic', reduceRange },
  { precision: 'int8', mode: 'static', reduceRange },
  { precision: 'int8', mode: 'static', observer: 'mse', reduceRange: true, exclude: ['second'] },
];

describe('convertOnnx', () => {
  for (const recipe of recipes) {
    test(JSON.stringify(recipe), async (t) => {
      const folder = await makeFolder(t, { 'net.onnx': encodeModel(convNet()) });
      const [source, target] = [join(folder, 'net.onnx'), join(folder, 'small.onnx')];
      const stages: ConversionProgress[] = [];
      const report = await convertOnnx(source, target, recipe, {
        samples: [{ x }],
        onProgress: (progress) => stages.push(progress),
      });
      assert.deepEqual((await readdir(folder)).sort(), ['net.onnx', 'small.onnx']);
      assert.equal(report.bytesAfter, (await readFile(target)).length);
      assert.equal(report.bytesBefore, (await readFile(source)).length);
      assert.equal(report.quantized.Conv, 'exclude' in recipe ? 1 : 2);
      assert.equal(stages[0]!.stage, 'read');
      assert.equal(stages.at(-1)!.stage, 'write');
      await using before = await load(source, { threads: 1 });
      await using after = await load(target, { threads: 1 });
      const share = difference((await after.run({ x })).y!, (await before.run({ x })).y!);
      assert.ok(share > 0 && share < offBy(0.05), `off by ${share}`);
    });
  }
});

describe('what fails leaves the target as it was', () => {
  const failing: [name: string, recipe: OnnxRecipe, code: Parameters<typeof rejects>[1], graph: object | null][] = [
    ['no samples', { precision: 'int8', mode: 'static' }, 'INF_CALIBRATION_INVALID', convNet()],
    [
      'an unknown observer',
      { precision: 'int8', mode: 'static', observer: 'x' as never },
      'INF_OPTION_INVALID',
      convNet(),
    ],
    ['an unknown mode', { precision: 'int8', mode: 'x' as never }, 'INF_OPTION_INVALID', convNet()],
    ['an unknown precision', { precision: 'int4' as never, mode: 'static' }, 'INF_OPTION_INVALID', convNet()],
    [
      'a node that does not exist',
      { precision: 'int8', mode: 'dynamic', exclude: ['z'] },
      'INF_OPTION_INVALID',
      convNet(),
    ],
    ['no model', { precision: 'fp16' }, 'INF_MODEL_INVALID', null],
    [
      'nothing to convert',
      { precision: 'int8', mode: 'dynamic' },
      'INF_QUANTIZE_NOTHING',
      {
        node: [node('Relu', ['x'], ['y'])],
        input: [value('x', 'float32', [2])],
        output: [value('y', 'float32', [2])],
      },
    ],
    [
      'a model that the runtime does not take',
      { precision: 'fp16' },
      'INF_CONVERSION_FAILED',
      {
        node: [node('MatMul', ['x', 'w'], ['y'])],
        input: [value('x', 'float32', [2, 3])],
        output: [value('y', 'float32', [2, 2])],
        initializer: [weight('w', 'float32', [2, 2], noise(4))],
      },
    ],
  ];
  for (const [name, recipe, code, graph] of failing) {
    test(name, async (t) => {
      const model = graph === null ? 'not a model' : encodeModel(graph as never);
      const folder = await makeFolder(t, { 'net.onnx': model, 'small.onnx': 'as it was' });
      const target = join(folder, 'small.onnx');
      await rejects(convertOnnx(join(folder, 'net.onnx'), target, recipe), code);
      assert.equal(await readFile(target, 'utf8'), 'as it was');
      assert.deepEqual((await readdir(folder)).sort(), ['net.onnx', 'small.onnx']);
    });
  }

  test('the source as its own target', async (t) => {
    const folder = await makeFolder(t, { 'net.onnx': encodeModel(convNet()) });
    const source = join(folder, 'net.onnx');
    await rejects(convertOnnx(source, join(folder, '.', 'net.onnx'), { precision: 'fp16' }), 'INF_OPTION_INVALID');
    assert.deepEqual(await readFile(source), Buffer.from(encodeModel(convNet())));
  });

  test('a folder that does not exist', async (t) => {
    const folder = await makeFolder(t, { 'net.onnx': encodeModel(convNet()) });
    const target = join(folder, 'none/small.onnx');
    await rejects(
      convertOnnx(join(folder, 'net.onnx'), target, { precision: 'fp16' }),
      'INF_CONVERSION_FAILED',
      'none',
    );
  });

  test('an abort at each stage', async (t) => {
    const folder = await makeFolder(t, { 'net.onnx': encodeModel(convNet()) });
    for (const stop of ['read', 'optimize', 'calibrate', 'convert'] as const) {
      const controller = new AbortController();
      const target = join(folder, 'small.onnx');
      await writeFile(target, 'as it was');
      const promise = convertOnnx(join(folder, 'net.onnx'), target, recipes[2]!, {
        samples: [{ x }, { x }],
        signal: controller.signal,
        onProgress: ({ stage }) => stage === stop && controller.abort(),
      });
      await rejects(promise, 'INF_ABORTED');
      assert.equal(await readFile(target, 'utf8'), 'as it was');
    }
  });
});

describe('listQuantizable', () => {
  for (const mode of ['dynamic', 'static'] as const) {
    test(`${mode}: what it names can be excluded`, async (t) => {
      const folder = await makeFolder(t, { 'net.onnx': encodeModel(convNet()) });
      const source = join(folder, 'net.onnx');
      const nodes = listQuantizable(await readForQuantization(source), mode);
      assert.deepEqual(
        nodes.filter(({ operator }) => operator === 'Conv').map(({ name }) => name),
        ['first', 'second'],
      );
      for (const { name, operator } of nodes.filter((each) => each.operator === 'Conv')) {
        const recipe = { precision: 'int8', mode, exclude: [name] } as OnnxRecipe;
        const { quantized } = await convertOnnx(source, join(folder, 'small.onnx'), recipe, { samples: [{ x }] });
        assert.equal(quantized[operator], 1);
      }
    });
  }

  test('leaves the model as it was, but prepared', () => {
    const model = decode(convNet());
    listQuantizable(model, 'dynamic');
    assert.deepEqual(
      model.graph.node.map(({ opType }) => opType),
      ['Conv', 'Relu', 'Conv'],
    );
  });
});

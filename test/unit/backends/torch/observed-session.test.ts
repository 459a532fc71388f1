import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { type ErrorCode, load, Tensor } from 'infernode';
import type { Outputs } from '#src/backends/backend';
import type { NativeRecipe } from '#src/backends/native/addon';
import { TorchBackend } from '#src/backends/torch/backend';
import type { QuantizationReport } from '#src/backends/torch/observed-session';
import { assertNear } from '../../../support/accuracy.js';
import { reduceRange } from '../../../support/cpu.js';
import { rejects } from '../../../support/expect-error.js';
import { repository } from '../../../support/test-data.js';
import { fixture, needsTorch } from '../../../support/torch.js';
import { noise, noiseTensor } from '../../conversion/onnx/models.js';
import { makeFolder } from '../../support/files.js';

const backend = new TorchBackend();
const STATIC: NativeRecipe = { mode: 'static', observer: 'min-max', reduceRange, exclude: [] };
const DYNAMIC: NativeRecipe = { ...STATIC, mode: 'dynamic' };

const row = (seed = 1) => noiseTensor([4, 16], seed);
const picture = (seed = 1) => noiseTensor([2, 3, 8, 8], seed);
const planes = (seed = 1) => noiseTensor([2, 4, 8, 8], seed);

interface Quantized extends QuantizationReport {
  readonly file: string;
}

/** Quantizes a fixture by what five samples show. */
async function quantize(
  t: TestContext,
  name: string,
  recipe: NativeRecipe,
  sample: (seed: number) => Tensor,
): Promise<Quantized> {
  const file = join(await makeFolder(t, {}), 'int8.pt');
  const observed = await backend.observe(fixture(`${name}.pt`), recipe, { device: 'cpu', threads: 1 });
  try {
    if (recipe.mode === 'static') for (let seed = 1; seed <= 5; seed++) await observed.observe([sample(seed)]);
    return { file, ...(await observed.convert(file)) };
  } finally {
    await observed.close();
  }
}

async function answer(file: string, input: Tensor): Promise<Outputs> {
  await using model = await load(file, { backend: 'torch', threads: 1 });
  return model.run([input]);
}

/** Asserts that a file answers to an unseen sample as the fixture does. */
async function assertRight(name: string, file: string, input: Tensor, cosine = 0.99): Promise<void> {
  assertNear(await answer(file, input), await answer(fixture(`${name}.pt`), input), cosine);
}

const total = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);

describe('static quantization', { skip: needsTorch }, () => {
  const cases: [name: string, sample: (seed?: number) => Tensor, quantized: Record<string, number>][] = [
    ['quantize-conv', picture, { 'quantized::conv2d_relu': 2 }],
    ['quantize-conv-scripted', picture, { 'quantized::conv2d_relu': 2 }],
    ['quantize-linear', row, { 'quantized::linear': 1, 'quantized::linear_relu': 1 }],
    ['quantize-residual', planes, { 'quantized::add_relu': 1, 'quantized::conv2d': 2 }],
    ['quantize-transposed', picture, { 'quantized::conv2d_relu': 1 }],
    ['quantize-tuple', row, { 'quantized::linear': 2 }],
    ['quantize-named', row, { 'quantized::linear': 2 }],
    ['quantize-bfloat16', row, { 'quantized::linear': 1, 'quantized::linear_relu': 1 }],
    ['quantize-methods', row, { 'quantized::linear': 1, 'quantized::linear_relu': 1 }],
    ['quantize-root', row, { 'quantized::linear': 1, 'quantized::linear_relu': 1 }],
    ['quantize-products', row, { 'quantized::linear': 1, 'quantized::linear_relu': 1 }],
    ['quantize-view', picture, { 'quantized::conv2d_relu': 1, 'quantized::linear': 1 }],
  ];
  for (const [name, sample, quantized] of cases) {
    test(`${name}: what can be is quantized, and the saved file is right`, async (t) => {
      const result = await quantize(t, name, STATIC, sample);
      assert.deepEqual(result.quantized, quantized);
      // libtorch's INT8 kernels for transposed convolutions answer wrongly for many shapes.
      assert.deepEqual(result.left, name === 'quantize-transposed' ? { 'aten::conv_transpose2d': 1 } : {});
      if (name !== 'quantize-bfloat16') await assertRight(name, result.file, sample(99));
    });
  }

  for (const observer of ['percentile', 'mse'] as const) {
    test(`is right with ranges by ${observer}`, async (t) => {
      const { file } = await quantize(t, 'quantize-conv', { ...STATIC, observer }, picture);
      await assertRight('quantize-conv', file, picture(99));
    });
  }

  test('of seven bits is right too', async (t) => {
    const { file } = await quantize(t, 'quantize-conv', { ...STATIC, reduceRange: true }, picture);
    await assertRight('quantize-conv', file, picture(99));
  });

  test('leaves excluded layers in float', async (t) => {
    const { quantized, left, file } = await quantize(t, 'quantize-linear', { ...STATIC, exclude: ['up'] }, row);
    assert.deepEqual(quantized, { 'quantized::linear': 1 });
    assert.deepEqual(left, { 'aten::linear': 1 });
    await assertRight('quantize-linear', file, row(99));
  });

  test('makes a smaller file than the float one', async (t) => {
    const { file } = await quantize(t, 'quantize-linear', STATIC, row);
    await using quantized = await load(file, { backend: 'torch' });
    await using float = await load(fixture('quantize-linear.pt'));
    assert.ok(quantized.info.parameters.bytes < float.info.parameters.bytes);
  });
});

describe('dynamic quantization', { skip: needsTorch }, () => {
  for (const name of [
    'quantize-linear',
    'quantize-tuple',
    'quantize-named',
    'quantize-methods',
    'quantize-root',
    'quantize-products',
  ]) {
    test(`${name}: every linear layer is quantized, and the saved file is right`, async (t) => {
      const { quantized, left, file } = await quantize(t, name, DYNAMIC, row);
      assert.equal(total(quantized), 2);
      assert.deepEqual(left, {});
      await assertRight(name, file, row(99));
    });
  }

  test('leaves excluded layers in float', async (t) => {
    const { quantized, left, file } = await quantize(t, 'quantize-linear', { ...DYNAMIC, exclude: ['down'] }, row);
    assert.equal(total(quantized), 1);
    assert.deepEqual(left, { 'aten::linear': 1 });
    await assertRight('quantize-linear', file, row(99));
  });

  test('of seven bits is right too', async (t) => {
    const { file } = await quantize(t, 'quantize-linear', { ...DYNAMIC, reduceRange: true }, row);
    await assertRight('quantize-linear', file, row(99));
  });

  test('has nothing to do in a network of convolutions', async (t) => {
    await rejects(
      quantize(t, 'quantize-conv', DYNAMIC, picture),
      'INF_QUANTIZE_NOTHING',
      'converts linear layers',
      '2 _convolution',
    );
  });

  test('says what a program has instead of linear layers', async (t) => {
    const steps = (seed: number) => noiseTensor([2, 3, 16], seed);
    await rejects(quantize(t, 'quantize-lstm', DYNAMIC, steps), 'INF_QUANTIZE_NOTHING', 'it has 1 lstm');
    await rejects(quantize(t, 'quantize-elementwise', DYNAMIC, row), 'INF_QUANTIZE_NOTHING', 'no layer with weights');
  });
});

describe('a quantized file', { skip: needsTorch }, () => {
  test('answers the same in another process', async (t) => {
    for (const recipe of [STATIC, DYNAMIC]) {
      const { file } = await quantize(t, 'quantize-linear', recipe, row);
      const source = `
        import { load, Tensor } from 'infernode';
        const model = await load(process.argv[1], { backend: 'torch', threads: 1 });
        const data = Float32Array.from(JSON.parse(process.argv[2]));
        const { output } = await model.run([new Tensor('float32', data, [4, 16])]);
        console.log(JSON.stringify([...output.data]));`;
      const args = ['--input-type=module', '-e', source, file, JSON.stringify([...noise(64, 99)])];
      const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: repository, encoding: 'utf8' });
      const here = (await answer(file, row(99))).output!;
      assert.deepEqual(JSON.parse(stdout || `"${stderr}"`), [...(here.data as Float32Array)]);
    }
  });

  test('has the other methods of the program, as they were', async (t) => {
    for (const recipe of [STATIC, DYNAMIC]) {
      const { file } = await quantize(t, 'quantize-methods', recipe, row);
      await using quantized = await load(file, { backend: 'torch' });
      await using float = await load(fixture('quantize-methods.pt'));
      assert.deepEqual(Object.keys(quantized.info.methods).sort(), ['classes', 'forward', 'rectify']);
      assert.deepEqual(await quantized.call('rectify', row(99)), await float.call('rectify', row(99)));
      assert.deepEqual(await quantized.call('classes'), await float.call('classes'));
    }
  });

  test('has the method that resets its state', async (t) => {
    const { file } = await quantize(t, 'quantize-resettable', DYNAMIC, row);
    await using quantized = await load(file, { backend: 'torch' });
    const first = await quantized.run([row(1)]);
    assert.notDeepEqual(await quantized.run([row(1)]), first);
    await quantized.call('reset');
    assert.deepEqual(await quantized.run([row(1)]), first);
  });

  test('knows the names of its outputs', async (t) => {
    const { file } = await quantize(t, 'quantize-named', STATIC, row);
    assert.deepEqual(Object.keys(await answer(file, row(1))), ['scores', 'boxes']);
  });
});

describe('an observed session', { skip: needsTorch }, () => {
  const observe = (name: string, recipe = STATIC) =>
    backend.observe(fixture(`${name}.pt`), recipe, { device: 'cpu', threads: 1 });

  test('names the inputs, and the layers in the order of the program', async () => {
    const observed = await observe('quantize-linear');
    assert.deepEqual([...observed.inputNames], ['x']);
    assert.deepEqual([...observed.layers], ['up', 'down']);
    await observed.close();
    const convolutions = await observe('quantize-transposed');
    assert.deepEqual([...convolutions.layers], ['down']);
    await convolutions.close();
  });

  test('explains a sample that does not fit, and goes on', async (t) => {
    const observed = await observe('quantize-linear');
    await rejects(observed.observe([noiseTensor([4, 15])]), 'INF_INPUT_SHAPE', '15');
    await observed.observe([row()]);
    const file = join(await makeFolder(t, {}), 'int8.pt');
    assert.equal(total((await observed.convert(file)).quantized), 2);
    await observed.close();
  });

  test('does not convert without a sample', async (t) => {
    const observed = await observe('quantize-linear');
    const file = join(await makeFolder(t, {}), 'int8.pt');
    await rejects(observed.convert(file), 'INF_CALIBRATION_INVALID', 'has not run on any calibration sample');
    assert.equal(existsSync(file), false);
    await observed.close();
  });

  test('says that calibration made NaN', async (t) => {
    const spoilt = quantize(t, 'quantize-diverging', STATIC, row);
    await rejects(spoilt, 'INF_CALIBRATION_INVALID', 'NaN or infinite values');
  });

  test('says that it cannot write the file', async (t) => {
    const observed = await observe('quantize-linear', DYNAMIC);
    const target = join(await makeFolder(t, { taken: '' }), 'taken', 'int8.pt');
    await rejects(observed.convert(target), 'INF_CONVERSION_FAILED', 'taken');
    await observed.close();
  });

  const refused: [what: string, name: string, code: ErrorCode, ...says: string[]][] = [
    ['traced in training mode', 'quantize-dropping', 'INF_CONVERSION_FAILED', 'dropout', 'model.eval()'],
    ['quantized already', 'quantize-already', 'INF_QUANTIZED_ALREADY', 'already'],
    ['without a layer to quantize', 'quantize-elementwise', 'INF_QUANTIZE_NOTHING', 'none that it can convert'],
    ['with layers in another method', 'quantize-encodes', 'INF_CONVERSION_FAILED', 'Method encode', 'bf16'],
    ['without forward', 'quantize-no-forward', 'INF_CONVERSION_FAILED', 'forward'],
  ];
  for (const [what, name, code, ...says] of refused) {
    test(`refuses a program ${what}`, async () => {
      for (const recipe of [STATIC, DYNAMIC]) await rejects(observe(name, recipe), code, ...says);
    });
  }

  test('refuses to calibrate a program with state, which samples would change', async (t) => {
    await rejects(observe('quantize-running'), 'INF_CONVERSION_FAILED', 'state', 'dynamic');
    const { file } = await quantize(t, 'quantize-running', DYNAMIC, row);
    await using quantized = await load(file, { backend: 'torch' });
    await using float = await load(fixture('quantize-running.pt'));
    assert.equal(quantized.info.stateful, true);
    for (let seed = 1; seed <= 4; seed++) {
      assertNear(await quantized.run([row(seed)]), await float.run([row(seed)]), 0.99);
    }
  });

  for (const [name, sample] of [
    ['quantize-branching', picture],
    ['quantize-branching-weight', row],
  ] as const) {
    test(`${name}: layers that only some calls reach are quantized, and right`, async (t) => {
      const { quantized, file } = await quantize(t, name, STATIC, sample);
      assert.ok(total(quantized) >= 2, JSON.stringify(quantized));
      const bright = sample(99);
      const dark = new Tensor('float32', bright.toNumbers().map((value) => -value) as Float32Array, bright.shape);
      for (const input of [bright, dark]) await assertRight(name, file, input);
    });
  }

  test('refuses a convolution that no sample reached: nothing is known of its values', async (t) => {
    const dark = (seed: number) =>
      new Tensor(
        'float32',
        noise(2 * 3 * 64, seed).map((each) => each - 1),
        [2, 3, 8, 8],
      );
    const unreached = quantize(t, 'quantize-branching', STATIC, dark);
    await rejects(unreached, 'INF_CONVERSION_FAILED', 'control flow');
  });

  test('keeps a convolution that only some calls reach in float', async (t) => {
    const recipe = { ...STATIC, exclude: ['sometimes'] };
    const { left, file } = await quantize(t, 'quantize-branching', recipe, picture);
    assert.equal(left['aten::conv2d'], 1);
    await assertRight('quantize-branching', file, picture(99));
  });
});

import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { load } from 'infernode';
import type { Build } from '#src/conversion/build';
import type { Sample } from '#src/optimize/samples';
import { keepSensitiveLayers } from '#src/optimize/sensitivity';
import { makeBuild, type TrialSetup, tryCandidate } from '#src/optimize/trial';
import { AccuracyMeter } from '#src/optimize/validator';
import { node, value, weight, writeModel } from '../../support/onnx-builder.js';
import { noise, noiseTensor } from '../conversion/onnx/models.js';
import { makeFolder } from '../support/files.js';

/** A layer whose input has one huge channel that counts for little, and a layer that quantizes well. */
const graph = () => {
  const spoilt = noise(8 * 8).map((each, i) => (i < 8 ? each / 1e5 : each));
  return {
    node: [
      node('Mul', ['x', 'scale'], ['s']),
      node('MatMul', ['s', 'w1'], ['m1'], { name: 'sensitive' }),
      node('Tanh', ['m1'], ['t']),
      node('MatMul', ['t', 'w2'], ['y'], { name: 'sturdy' }),
    ],
    input: [value('x', 'float32', ['n', 8])],
    output: [value('y', 'float32', ['n', 4])],
    initializer: [
      weight('scale', 'float32', [8], Float32Array.of(1e4, 1, 1, 1, 1, 1, 1, 1)),
      weight('w1', 'float32', [8, 8], spoilt),
      weight('w2', 'float32', [8, 4], noise(32, 2)),
    ],
  };
};

async function setUp(t: TestContext, maxDrop: number, signal?: AbortSignal) {
  const folder = await makeFolder(t, { 'scratch/keep': '' });
  const source = await writeModel(join(folder, 'model.onnx'), graph());
  const samples = (from: number): Sample[] =>
    Array.from({ length: 4 }, (_, i) => ({ name: String(from + i), inputs: { x: noiseTensor([4, 8], from + i) } }));
  const validation = samples(100);
  await using model = await load(source);
  const references = await Promise.all(validation.map(({ inputs }) => model.run(inputs)));
  const meter = new AccuracyMeter();
  for (const reference of references) meter.add(reference, reference);
  const setup: TrialSetup = {
    libtorch: undefined,
    scratch: join(folder, 'scratch'),
    calibration: samples(1),
    validation,
    labels: validation.map(() => undefined),
    references,
    reference: meter.result,
    maxDrop,
    one: validation[0]!.inputs,
    batch: null,
    signal,
  };
  const common = { backend: 'onnx', source, format: 'onnx' } as const;
  const build: Build = { ...common, name: 'onnx int8 static', precision: 'int8', mode: 'static', observer: 'min-max' };
  return { setup, build };
}

describe('layers that lose most', () => {
  test('stay in float, and that brings the accuracy back', { timeout: 120_000 }, async (t) => {
    const { setup, build } = await setUp(t, 0.01);
    const whole = await tryCandidate(await makeBuild(build, setup, 'whole'), 1, setup);
    assert.equal(whole.verdict, 'inaccurate', JSON.stringify(whole));
    const groups: [number, number][] = [];
    const mixed = await keepSensitiveLayers(build, 1, setup, (done, of) => groups.push([done, of]));
    assert.ok(mixed !== undefined);
    const kept = mixed.build.exclude ?? [];
    assert.deepEqual([kept.includes('sensitive'), kept.includes('sturdy')], [true, false], String(kept));
    assert.match(mixed.build.name, /onnx int8 static, \d layers? fp32/);
    assert.ok(groups.length >= 2 && groups.every(([done, of], i) => done === i && of === groups.length));
    const { verdict, exclude } = await tryCandidate(mixed, 1, setup);
    assert.deepEqual([verdict, exclude], ['right', kept]);
    const left = (await readdir(setup.scratch)).filter((name) => /^(group|mixed)/.test(name));
    assert.equal(left.length, 1, String(left));
  });

  test('are given up where nothing brings it back', { timeout: 120_000 }, async (t) => {
    const { setup, build } = await setUp(t, 0);
    assert.equal(await keepSensitiveLayers(build, 1, setup, () => {}), undefined);
  });

  test('are not looked for once tuning is given up', async (t) => {
    const { setup, build } = await setUp(t, 0.01, AbortSignal.abort(new Error('no longer needed')));
    await assert.rejects(
      keepSensitiveLayers(build, 1, setup, () => {}),
      /no longer needed/,
    );
    await assert.rejects(makeBuild(build, setup, 'x'), /no longer needed/);
    const built = { build: { ...build, precision: 'fp32' as const }, file: build.source, fileBytes: 1 };
    await assert.rejects(tryCandidate(built, 1, setup), /no longer needed/);
  });
});

test('a candidate that cannot be loaded has failed, and says why', async (t) => {
  const { setup, build } = await setUp(t, 0.01);
  const built = { build, file: join(setup.scratch, 'gone.onnx'), fileBytes: 1 };
  const { verdict, reason, name } = await tryCandidate(built, 2, setup);
  assert.deepEqual([verdict, name], ['failed', 'onnx int8 static, 2 threads']);
  assert.match(reason, /gone\.onnx/);
});

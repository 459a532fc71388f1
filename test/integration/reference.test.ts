import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type InputValue, load, type Outputs, type Tensor } from 'infernode';
import { readNpy } from '#src/tensor/npy';
import { wantsAvx512, wantsVnni } from '../support/cpu.js';
import { fill, type TensorRecipe } from '../support/lcg.js';
import { dataFile, needsTestData, repository } from '../support/test-data.js';

/** One case of test/reference/cases.json, which make.py wrote with Python torch and onnxruntime. */
interface Case {
  readonly id: string;
  readonly model: string;
  readonly runtime: 'torch' | 'onnx';
  readonly inputs: readonly (
    | TensorRecipe
    | { name: string; value: number }
    | { name: string; items: TensorRecipe[] }
  )[];
  readonly calls: number;
  readonly reset?: string;
  readonly methods?: Record<string, string[]>;
  readonly tolerance: number;
  readonly correlation?: number;
  readonly outputs: readonly (readonly {
    name: string;
    dtype: string;
    shape: number[];
    file: string;
    stride?: number;
  }[])[];
}

const folder = join(repository, 'test/reference');
const { cases } = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as { cases: Case[] };

function makeInputs(recipes: Case['inputs'], call: number): InputValue[] {
  return recipes.map((recipe): InputValue => {
    if ('value' in recipe) return recipe.value;
    if ('items' in recipe) return recipe.items.map((item) => fill(item, item.seed + call));
    return fill(recipe, recipe.seed + call);
  });
}

function compare(got: Tensor, want: ArrayLike<number>, stride: number, tolerance: number, name: string): void {
  const numbers = got.toNumbers();
  let worst = 0;
  let scale = 0;
  for (let i = 0; i < want.length; i++) {
    worst = Math.max(worst, Math.abs(numbers[i * stride]! - want[i]!));
    scale = Math.max(scale, Math.abs(want[i]!));
  }
  assert.equal(want.length, Math.ceil(numbers.length / stride));
  assert.ok(worst <= tolerance * scale, `${name}: off by ${worst}, largest value ${scale}, tolerance ${tolerance}`);
}

function checkOutputs(outputs: Outputs, wanted: Case['outputs'][number], tolerance: number): void {
  assert.deepEqual(
    Object.keys(outputs),
    wanted.map((want) => want.name),
  );
  for (const want of wanted) {
    const got = outputs[want.name]!;
    assert.equal(got.dtype, want.dtype);
    assert.deepEqual([...got.shape], want.shape);
    compare(got, readNpy(readFileSync(join(folder, want.file))).toNumbers(), want.stride ?? 1, tolerance, want.name);
  }
}

describe('outputs equal those of Python torch and onnxruntime', { skip: needsTestData }, () => {
  for (const { id, model: path, runtime, inputs, calls, reset, methods, tolerance, correlation, outputs } of cases) {
    const isQuantized = runtime === 'onnx' && correlation !== undefined;
    const skip = (path.endsWith('.pt2') && wantsAvx512) || (isQuantized && wantsVnni);
    test(id, { skip }, async () => {
      await using model = await load(dataFile(path));
      assert.equal(model.info.backend, runtime);
      if (reset) await model.call(reset);
      for (let call = 0; call < calls; call++) {
        checkOutputs(await model.run(makeInputs(inputs, call)), outputs[call]!, tolerance);
      }
      // The blocking call answers the same; a stateful model starts again from its reset state.
      if (reset) await model.call(reset);
      for (let call = 0; call < calls; call++) {
        checkOutputs(model.runSync(makeInputs(inputs, call)), outputs[call]!, tolerance);
      }
      for (const [method, strings] of Object.entries(methods ?? {})) {
        assert.deepEqual((await model.call(method)).output!.data, strings);
      }
    });
  }
});

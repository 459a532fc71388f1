import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { load, Tensor } from 'infernode';
import { matmulTorchScript } from '#src/benchmark/limits-torchscript';
import { matmulOnnx, PRODUCTS } from '#src/benchmark/matmul-onnx';
import { decodeOnnx } from '#src/conversion/onnx/onnx-proto';
import { needsTorch } from '../../support/torch.js';
import { makeFolder } from '../support/files.js';

const SIDE = 8;

for (const precision of ['fp32', 'int8'] as const) {
  test(`the ONNX model of ${precision} multiplies with all its weights`, async (t) => {
    const folder = await makeFolder(t, {});
    const bytes = matmulOnnx(precision, SIDE);
    const file = join(folder, 'matmul.onnx');
    await writeFile(file, bytes);
    await using model = await load(file, { backend: 'onnx', threads: 1 });
    const row = Array.from({ length: SIDE }, (_, index) => index + 1);
    const x =
      precision === 'int8'
        ? new Tensor('uint8', Uint8Array.from(row), [1, SIDE])
        : new Tensor('float32', Float32Array.from(row), [1, SIDE]);
    const outputs = await model.run({ x });
    assert.equal(Object.keys(outputs).length, PRODUCTS);
    const { initializer } = decodeOnnx(bytes).graph;
    for (let n = 0; n < PRODUCTS; n++) {
      const { rawData } = initializer.find(({ name }) => name === `w${n}`)!;
      const raw = Uint8Array.from(rawData!).buffer;
      const weight = precision === 'int8' ? new Int8Array(raw) : new Float32Array(raw);
      const expected = row.reduce((sum, value, index) => sum + value * weight[index * SIDE]!, 0);
      const [given] = outputs[`y${n}`]!.toNumbers();
      assert.ok(Math.abs(given! - expected) < 1e-4, `${given} for ${expected}`);
    }
  });
}

const dtypes = [
  ['float32', Float32Array],
  ['int8', Int8Array],
] as const;

for (const [dtype, array] of dtypes) {
  test(`the TorchScript program multiplies ${dtype}`, { skip: needsTorch }, async (t) => {
    const folder = await makeFolder(t, {});
    const file = join(folder, 'matmul.pt');
    await writeFile(file, matmulTorchScript());
    await using model = await load(file, { backend: 'torch', threads: 1 });
    const a = Array.from({ length: SIDE * SIDE }, (_, index) => (index % 7) - 3);
    const b = Array.from({ length: SIDE * SIDE }, (_, index) => (index % 5) - 2);
    const square = (values: number[]) => new Tensor(dtype, array.from(values) as never, [SIDE, SIDE]) as Tensor;
    const [output] = Object.values(await model.run({ a: square(a), b: square(b), integers: dtype === 'int8' }));
    const expected = Array.from({ length: SIDE }, (_, k) => a[k]! * b[k * SIDE]!).reduce((sum, one) => sum + one);
    assert.deepEqual(output!.shape, [1, 1]);
    assert.deepEqual(Array.from(output!.toNumbers()), [expected]);
  });
}

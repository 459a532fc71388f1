import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { load, Tensor } from 'infernode';
import { CONVOLUTION, CONVOLUTION_OPERATIONS } from '#src/benchmark/convolution';
import { convolutionOnnx } from '#src/benchmark/convolution-onnx';
import { convolutionTorchScript } from '#src/benchmark/limits-torchscript';
import { multiplicationsOf, valuesOf } from '#src/benchmark/multiplications';
import { decodeOnnx } from '#src/conversion/onnx/onnx-proto';
import { needsTorch } from '../../support/torch.js';
import { makeFolder } from '../support/files.js';

const SMALL = { rows: 2, channels: 2, side: 4, kernel: 3 } as unknown as typeof CONVOLUTION;

/** The upper left element of the result: of the kernel, what is not over the edge. */
function corner(w: ArrayLike<number>, x: (channel: number) => number): number {
  let sum = 0;
  for (let channel = 0; channel < 2; channel++) {
    for (const place of [4, 5, 7, 8]) sum += x(channel) * w[channel * 9 + place]!;
  }
  return sum;
}

test('the ONNX model of fp32 convolves', async (t) => {
  const folder = await makeFolder(t, {});
  const bytes = convolutionOnnx('fp32', SMALL);
  await writeFile(join(folder, 'c.onnx'), bytes);
  await using model = await load(join(folder, 'c.onnx'), { backend: 'onnx', threads: 1 });
  const { y } = await model.run({ x: new Tensor('float32', Float32Array.of(2, -3), [1, 2, 1, 1]) });
  const { rawData } = decodeOnnx(bytes).graph.initializer.find(({ name }) => name === 'w')!;
  const w = new Float32Array(Uint8Array.from(rawData!).buffer);
  assert.deepEqual(y!.shape, [1, 1, 1, 1]);
  const expected = corner(w, (channel) => [2, -3][channel]!);
  assert.ok(Math.abs(y!.toNumbers()[0]! - expected) < 1e-5, `${y!.toNumbers()[0]} for ${expected}`);
});

test('the ONNX model of int8 convolves', async (t) => {
  const folder = await makeFolder(t, {});
  const bytes = convolutionOnnx('int8', SMALL);
  await writeFile(join(folder, 'c.onnx'), bytes);
  await using model = await load(join(folder, 'c.onnx'), { backend: 'onnx', threads: 1 });
  const { y } = await model.run({ x: new Tensor('uint8', Uint8Array.of(131, 126), [1, 2, 1, 1]) });
  const { rawData } = decodeOnnx(bytes).graph.initializer.find(({ name }) => name === 'w')!;
  const w = new Int8Array(Uint8Array.from(rawData!).buffer);
  // Zero is 128, and one step a tenth, of x, w and y alike.
  const expected = Math.min(255, Math.max(0, Math.round(128 + corner(w, (channel) => [3, -2][channel]!) / 10)));
  assert.ok(Math.abs(y!.toNumbers()[0]! - expected) <= 1, `${y!.toNumbers()[0]} for ${expected}`);
});

test('the TorchScript program convolves', { skip: needsTorch }, async (t) => {
  const folder = await makeFolder(t, {});
  await writeFile(join(folder, 'c.pt'), convolutionTorchScript(3));
  await using model = await load(join(folder, 'c.pt'), { backend: 'torch', threads: 1 });
  const w = Float32Array.from({ length: 36 }, (_, index) => (index % 5) - 2);
  const x = Float32Array.from({ length: 32 }, (_, index) => (index < 16 ? 2 : -3));
  const { output } = await model.run({
    x: new Tensor('float32', x, [1, 2, 4, 4]),
    w: new Tensor('float32', w, [2, 2, 3, 3]),
  });
  assert.deepEqual(output!.shape, [1, 1, 1, 1]);
  assert.equal(
    output!.toNumbers()[0],
    corner(w, (channel) => [2, -3][channel]!),
  );
});

test('its operations are those that are counted in its graph', () => {
  const { rows, channels, side, kernel } = CONVOLUTION;
  const { node } = decodeOnnx(convolutionOnnx('fp32')).graph;
  const convolution = node.find(({ opType }) => opType === 'Conv')!;
  const shapes = { w: [channels, channels, kernel, kernel], c: [rows, channels, side, side] };
  const given = valuesOf(convolution).map((name) => shapes[name as keyof typeof shapes]);
  assert.equal(2 * multiplicationsOf(convolution, given), CONVOLUTION_OPERATIONS);
});

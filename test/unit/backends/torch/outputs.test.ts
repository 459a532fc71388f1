import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Outputs, Tensor } from 'infernode';
import { rejects } from '../../../support/expect-error.js';
import { loadFixture, needsTorch } from '../../../support/torch.js';

const x = new Tensor('float32', Float32Array.of(1, 2, 3));
const plain = (outputs: Outputs) =>
  Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, [tensor.dtype, tensor.toArray()]]));

describe('outputs of a TorchScript method', { skip: needsTorch }, () => {
  test('nested tuples and lists are named by their path', async () => {
    await using model = await loadFixture('outputs');
    assert.deepEqual(plain(await model.run([x])), {
      'output.0': ['float32', [1, 2, 3]],
      'output.1.0': ['float32', [2, 3, 4]],
      'output.1.1.0': ['float32', [3, 4, 5]],
      'output.1.1.1': ['float32', [4, 5, 6]],
    });
  });

  test('dicts and named tuples keep their names', async () => {
    await using model = await loadFixture('outputs');
    assert.deepEqual(plain(await model.call('as_dict', x)), { a: ['float32', [1, 2, 3]], b: ['float32', 6] });
    assert.deepEqual(plain(await model.call('as_named', x)), { logits: ['float32', [1, 2, 3]], best: ['int64', 2n] });
  });

  test('scalars, strings and None', async () => {
    await using model = await loadFixture('outputs');
    assert.deepEqual(plain(await model.call('scalars', x)), {
      'output.0': ['int64', 3n],
      'output.1': ['float64', 6],
      'output.2': ['bool', true],
      'output.3': ['string', 'text'],
    });
  });

  test('lists of scalars are one-dimensional tensors', async () => {
    await using model = await loadFixture('outputs');
    assert.deepEqual(plain(await model.call('lists', x)), {
      'output.0': ['int64', [1n, 2n, 3n]],
      'output.1': ['float64', [0.5, 1.5]],
      'output.2': ['bool', [true, false]],
      'output.3': ['string', ['a', 'ü']],
    });
  });

  test('non-contiguous, expanded and empty results', async () => {
    await using model = await loadFixture('outputs');
    const matrix = new Tensor('float32', Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
    const { output: transposed } = await model.call('transposed', matrix);
    assert.deepEqual(transposed!.toArray(), [
      [1, 4],
      [2, 5],
      [3, 6],
    ]);
    assert.deepEqual((await model.call('expanded', x)).output!.toArray(), [
      [6, 6, 6],
      [6, 6, 6],
    ]);
    const { output: empty } = await model.call('empty', matrix);
    assert.deepEqual([empty!.shape, empty!.data.length], [[0, 3], 0]);
  });

  test('two outputs that share memory in the model do not share it here', async () => {
    await using model = await loadFixture('outputs');
    const outputs = await model.call('twice', x);
    (outputs['output.0']!.data as Float32Array)[0] = 99;
    assert.deepEqual(outputs['output.1']!.toArray(), [2, 3, 4]);
  });

  test('large outputs come without a copy and stay valid after close', async () => {
    const model = await loadFixture('tiny');
    const big = new Tensor('float32', new Float32Array(1 << 20).fill(1));
    const { output } = await model.run([big]);
    await model.close();
    assert.equal(output!.data.length, 1 << 20);
    assert.ok((output!.data as Float32Array).every((value) => value === 3));
  });

  test('what no array carries is a coded error', async () => {
    await using model = await loadFixture('outputs');
    await rejects(model.call('complex_numbers', x), 'INF_OUTPUT_UNSUPPORTED', 'view_as_real');
  });
});

describe('every dtype passes through', { skip: needsTorch }, () => {
  const samples: Tensor[] = [
    new Tensor('float32', Float32Array.of(-1.5, Number.POSITIVE_INFINITY)),
    new Tensor('float64', Float64Array.of(Math.PI, 1e300)),
    new Tensor('float16', Uint16Array.of(0x3c00, 0xfc00)),
    new Tensor('bfloat16', Uint16Array.of(0x3f80, 0xff80)),
    new Tensor('int8', Int8Array.of(-128, 127)),
    new Tensor('int16', Int16Array.of(-32768, 32767)),
    new Tensor('int32', Int32Array.of(-(2 ** 31), 2 ** 31 - 1)),
    new Tensor('int64', BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)),
    new Tensor('uint8', Uint8Array.of(0, 255)),
    new Tensor('uint16', Uint16Array.of(0, 65535)),
    new Tensor('uint32', Uint32Array.of(0, 2 ** 32 - 1)),
    new Tensor('uint64', BigUint64Array.of(0n, 2n ** 64n - 1n)),
    new Tensor('bool', Uint8Array.of(1, 0)),
    new Tensor('float32', new Float32Array(0), [0, 4]),
    new Tensor('float32', Float32Array.of(7), []),
  ];
  for (const sample of samples) {
    test(`${sample.dtype} [${sample.shape}]`, async () => {
      await using model = await loadFixture('identity');
      for (const output of Object.values(await model.run([sample]))) {
        assert.equal(output.dtype, sample.dtype);
        assert.deepEqual(output.shape, [...sample.shape]);
        assert.deepEqual(output.data, sample.data);
        if (sample.size > 0) assert.notEqual((output.data as Uint8Array).buffer, (sample.data as Uint8Array).buffer);
      }
    });
  }

  test('string tensors are refused: TorchScript has none', async () => {
    await using model = await loadFixture('identity');
    await rejects(model.run([new Tensor('string', ['a'])]), 'INF_INPUT_DTYPE', 'no string tensors');
  });
});

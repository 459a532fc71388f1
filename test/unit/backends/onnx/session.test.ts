import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Dim, Session } from '#src/backends/backend';
import { onnxBackend } from '#src/backends/onnx/backend';
import { type DataOf, DTYPES, type DType } from '#src/tensor/dtype';
import { Tensor } from '#src/tensor/tensor';
import {
  addOne,
  type Element,
  type GraphSpec,
  identity,
  node,
  sequence,
  value,
  writeModel,
} from '../../../support/onnx-builder.js';

let folder: string;
const open: Session[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infernode-onnx-'));
});

after(async () => {
  await Promise.all(open.map((session) => session.close()));
  await rm(folder, { recursive: true });
});

let count = 0;

async function load(graph: GraphSpec): Promise<Session> {
  const path = await writeModel(join(folder, `${count++}.onnx`), graph);
  const session = await onnxBackend.load(path, 'onnx', { device: 'cpu', threads: 1 });
  open.push(session);
  return session;
}

describe('data', () => {
  const cases: { [D in Exclude<DType, 'bfloat16'>]: DataOf<D> } = {
    float32: Float32Array.of(1.5, -2, Number.NaN),
    float64: Float64Array.of(1.5, -2, 1e300),
    float16: Uint16Array.of(0x3c00, 0xc000, 0x7e00),
    int8: Int8Array.of(-128, 0, 127),
    int16: Int16Array.of(-32768, 0, 32767),
    int32: Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1),
    int64: BigInt64Array.of(-(2n ** 63n), 0n, 2n ** 63n - 1n),
    uint8: Uint8Array.of(0, 1, 255),
    uint16: Uint16Array.of(0, 1, 65535),
    uint32: Uint32Array.of(0, 1, 2 ** 32 - 1),
    uint64: BigUint64Array.of(0n, 1n, 2n ** 64n - 1n),
    bool: Uint8Array.of(0, 1, 1),
    string: ['', 'a', 'h\u00e9llo \ud83d\ude00'],
  };

  for (const [dtype, data] of Object.entries(cases) as [Element & keyof typeof cases, DataOf<DType>][]) {
    test(`${dtype} passes unchanged, also empty and as a scalar`, async () => {
      const session = await load(identity(dtype, null));
      for (const [elements, shape] of [
        [data, [3]],
        [data, [1, 3, 1]],
        [data.slice(0, 0), [0]],
        [data.slice(0, 0), [2, 0, 3]],
        [data.slice(1, 2), []],
      ] as [DataOf<typeof dtype>, number[]][]) {
        const input = new Tensor(dtype, elements, shape);
        for (const { y } of [await session.run('forward', { x: input }), session.runSync('forward', [input])]) {
          assert.deepEqual(y, input);
          assert.ok((y!.data as unknown) instanceof DTYPES[dtype].array);
          assert.notEqual(y!.data, elements);
        }
      }
    });
  }

  test('bfloat16 inputs and outputs are refused when the model is loaded', async () => {
    await assert.rejects(load(identity('bfloat16')), { code: 'INF_INPUT_DTYPE' });
    const output: GraphSpec = {
      node: [node('Cast', ['x'], ['y'], { attribute: [{ name: 'to', i: 16, type: 2 }] })],
      input: [value('x', 'float32', [1])],
      output: [value('y', 'bfloat16', [1])],
    };
    await assert.rejects(load(output), { code: 'INF_OUTPUT_UNSUPPORTED', message: /"y" is tensor\(bfloat16\)/ });
  });

  test('inputs of every size leave the caller its array', async () => {
    const session = await load(addOne(['n']));
    for (const size of [1, 1000, 4096, 4097, 100_000]) {
      const buffer = new ArrayBuffer(size * 4 + 64);
      const data = new Float32Array(buffer, 16, size).fill(2);
      for (const outputs of [
        await session.run('forward', [new Tensor('float32', data)]),
        session.runSync('forward', [new Tensor('float32', data)]),
      ]) {
        assert.equal(data.length, size);
        assert.equal(data[size - 1], 2);
        assert.equal(outputs.y!.data.length, size);
        assert.ok((outputs.y!.data as Float32Array).every((element) => element === 3));
      }
    }
  });

  test('shared memory passes, small and large', async () => {
    const session = await load(addOne(['n']));
    for (const size of [4, 50_000]) {
      const shared = new Float32Array(new SharedArrayBuffer(size * 4 + 8), 8, size).fill(2);
      const data = shared as unknown as Float32Array<ArrayBuffer>;
      const { y } = await session.run('forward', [new Tensor('float32', data)]);
      assert.ok((y!.data as Float32Array).every((element) => element === 3));
      assert.ok((y!.data as Float32Array).buffer instanceof ArrayBuffer);
    }
  });

  test('outputs do not share memory', async () => {
    const session = await load(addOne([2]));
    const input = new Tensor('float32', Float32Array.of(1, 2));
    const results = await Promise.all([session.run('forward', [input]), session.run('forward', [input])]);
    const [first, second] = results.map(({ y }) => (y!.data as Float32Array).buffer);
    assert.notEqual(first, second);
    assert.equal(first!.byteLength, 8);
  });

  test('a string with a NUL is refused, for the runtime would cut it short', async () => {
    const session = await load(identity('string'));
    const call = session.run('forward', { x: new Tensor('string', ['fine', 'a\0b']) });
    await assert.rejects(call, { code: 'INF_TENSOR_DATA', message: /Element 1 of input "x"/ });
  });

  test('an array that was transferred is refused, the other calls of its message run', async () => {
    const session = await load(addOne());
    const gone = new Tensor('float32', new Float32Array(4));
    const early = session.run('forward', [gone]);
    const other = session.run('forward', [new Tensor('float32', new Float32Array(4))]);
    structuredClone(gone.data, { transfer: [gone.data.buffer as ArrayBuffer] });
    await assert.rejects(early, { code: 'INF_TENSOR_DETACHED' });
    assert.deepEqual([...(await other).y!.data], [1, 1, 1, 1]);
  });
});

describe('calls', () => {
  test('many at once each get their own answer', async () => {
    const session = await load(addOne(['n']));
    const calls = Array.from({ length: 500 }, async (_, index) => {
      const data = new Float32Array(index % 7 === 0 ? 5000 : 3).fill(index);
      const { y } = await session.run('forward', [new Tensor('float32', data)]);
      assert.equal(y!.data.length, data.length);
      assert.equal(y!.data[0], index + 1);
    });
    await Promise.all(calls);
  });

  test('blocking calls and others mix', async () => {
    const session = await load(addOne([1]));
    const tensor = (element: number) => new Tensor('float32', Float32Array.of(element));
    const pending = Array.from({ length: 100 }, (_, index) => session.run('forward', [tensor(index)]));
    assert.equal(session.runSync('forward', [tensor(1000)]).y!.data[0], 1001);
    const results = await Promise.all(pending);
    assert.deepEqual(
      results.map(({ y }) => y!.data[0]),
      Array.from({ length: 100 }, (_, index) => index + 1),
    );
  });

  test('wrong inputs and methods have coded errors, in both ways of calling', async () => {
    const session = await load(addOne([2, 'n']));
    const float = (shape: number[]) => new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b)), shape);
    for (const [method, inputs, code] of [
      ['forward', {}, 'INF_INPUT_MISSING'],
      ['forward', { z: float([2, 1]) }, 'INF_INPUT_UNKNOWN'],
      ['forward', { x: float([3, 1]) }, 'INF_INPUT_SHAPE'],
      ['forward', { x: float([2]) }, 'INF_INPUT_SHAPE'],
      ['forward', { x: new Tensor('int32', new Int32Array(2), [2, 1]) }, 'INF_INPUT_DTYPE'],
      ['forward', { x: [] }, 'INF_INPUT_TYPE'],
      ['backward', { x: float([2, 1]) }, 'INF_METHOD_UNKNOWN'],
    ] as const) {
      await assert.rejects(session.run(method, inputs as never), { code });
      assert.throws(() => session.runSync(method, inputs as never), { code });
    }
    assert.deepEqual((await session.run('forward', [float([2, 3])])).y!.shape, [2, 3]);
  });

  test('a failure of the runtime is the call’s, not the session’s', async () => {
    const session = await load({
      node: [node('Reshape', ['x', 'shape'], ['y'])],
      input: [value('x', 'float32', ['n']), value('shape', 'int64', [1])],
      output: [value('y', 'float32', [null])],
    });
    const call = (size: bigint) =>
      [new Tensor('float32', new Float32Array(4)), new Tensor('int64', BigInt64Array.of(size))] as const;
    const failed = session.run('forward', call(5n));
    const fine = session.run('forward', call(4n));
    await assert.rejects(failed, (error: Error & { code: string }) => {
      assert.equal(error.code, 'INF_MODEL_FAILED');
      assert.match(error.message, /reshape/i);
      assert.ok(error.cause instanceof Error);
      return true;
    });
    assert.deepEqual((await fine).y!.shape, [4]);
    // Now that it is known to answer, the input is what does not fit.
    assert.throws(() => session.runSync('forward', call(5n)), { code: 'INF_INPUT_SHAPE' });
  });

  test('sizes of one symbol that differ are named when the run fails', async () => {
    const session = await load({
      node: [node('Add', ['a', 'b'], ['y'])],
      input: [value('a', 'float32', ['batch']), value('b', 'float32', ['batch'])],
      output: [value('y', 'float32', ['batch'])],
    });
    const call = session.run('forward', {
      a: new Tensor('float32', new Float32Array(2)),
      b: new Tensor('float32', new Float32Array(3)),
    });
    await assert.rejects(call, {
      code: 'INF_INPUT_SHAPE',
      message: 'Dimension "batch" is 2 in input "a", but 3 in "b"',
    });
  });

  test('outputs that are no tensors are refused when called', async () => {
    const session = await load({
      node: [node('SequenceConstruct', ['x'], ['y'])],
      input: [value('x', 'float32', [1])],
      output: [sequence('y', 'float32')],
    });
    assert.equal(session.info.methods.forward!.outputs[0]!.type, 'sequence(tensor(float))');
    const call = session.run('forward', [new Tensor('float32', new Float32Array(1))]);
    await assert.rejects(call, { code: 'INF_OUTPUT_UNSUPPORTED' });
  });

  test('the event loop turns while a model runs', async () => {
    const steps = Array.from({ length: 30 }, (_, index) =>
      node('MatMul', [index ? `h${index}` : 'x', 'x'], [`h${index + 1}`]),
    );
    const square: Dim[] = [400, 400];
    const session = await load({
      node: [...steps, node('Identity', ['h30'], ['y'])],
      input: [value('x', 'float32', square)],
      output: [value('y', 'float32', square)],
    });
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await session.run('forward', [new Tensor('float32', new Float32Array(160_000), [400, 400])]);
    clearInterval(timer);
    assert.ok(turns >= 3, `${turns} turns`);
  });
});

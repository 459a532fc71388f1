import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type DType, type ErrorCode, type InputValue, load, Tensor } from 'infernode';
import { wantsAvx512 } from '../support/cpu.js';
import { assertCode, rejects, throws } from '../support/expect-error.js';
import { bundledModel, dataFile, needsTestData } from '../support/test-data.js';
import { fixture, needsTorch } from '../support/torch.js';

const image = () => new Tensor('float32', new Float32Array(3 * 64 * 64), [1, 3, 64, 64]);
const models = { torch: join(bundledModel, '1/model.pt'), onnx: join(bundledModel, '1/model.onnx') } as const;
const backends = (['torch', 'onnx'] as const).filter((name) => name === 'onnx' || !needsTorch);

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'infernode-bad-'));
});
after(() => rm(folder, { recursive: true }));

async function file(name: string, content: Uint8Array | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** Any of the codes that say "this file is no good". */
async function refused(path: string): Promise<void> {
  const error = await load(path).then(
    () => assert.fail(`${path} was loaded`),
    (thrown: unknown) => thrown,
  );
  const code = (error as { code?: ErrorCode }).code;
  assert.ok(code === 'INF_MODEL_INVALID' || code === 'INF_MODEL_FORMAT', `${path}: ${String(error)}`);
  assertCode(error, code, path);
}

describe('files that are no models', () => {
  test('missing, empty, a folder, not a path', async () => {
    await rejects(load(join(folder, 'none.pt')), 'INF_MODEL_NOT_FOUND', 'none.pt');
    await rejects(load(join(models.torch, 'x.pt')), 'INF_MODEL_NOT_FOUND');
    await refused(await file('empty.pt', ''));
    await refused(await file('empty.onnx', ''));
    await mkdir(join(folder, 'folder.pt'));
    await rejects(load(join(folder, 'folder.pt')), 'INF_MODEL_FORMAT', 'folder');
    await rejects(load(''), 'INF_OPTION_INVALID');
    await rejects(load(undefined as never), 'INF_OPTION_INVALID');
    await rejects(load('a\0b'), 'INF_MODEL_NOT_FOUND');
  });

  test('random bytes under every name', async () => {
    for (const name of ['r.pt', 'r.pt2', 'r.onnx', 'r.ptl', 'r']) {
      await refused(await file(name, randomFillSync(Buffer.alloc(10_000))));
    }
  });

  test('cut short at many places', async () => {
    for (const path of Object.values(models)) {
      const whole = await readFile(path);
      for (const part of [0.0001, 0.01, 0.3, 0.7, 0.99, 0.9999]) {
        await refused(await file('cut', whole.subarray(0, Math.floor(whole.length * part))));
      }
    }
  });

  test('damaged in the middle: refused, or loaded and able to answer or fail cleanly', async () => {
    for (const backend of backends) {
      const whole = await readFile(models[backend]);
      for (let i = 1; i < 12; i++) {
        const copy = Buffer.from(whole);
        randomFillSync(copy, Math.floor((copy.length * i) / 12), 64);
        const path = await file(`damaged-${i}`, copy);
        const model = await load(path, { backend }).catch((error: { code: ErrorCode }) => {
          assert.ok(['INF_MODEL_INVALID', 'INF_MODEL_FORMAT', 'INF_MODEL_UNSAFE'].includes(error.code), String(error));
        });
        await model?.run([image()]).catch((error: { code: ErrorCode }) => assertCode(error, error.code));
        await model?.close();
      }
    }
  });

  test('a pickled state_dict: says how to export', async () => {
    await rejects(load(fixture('state-dict.pth')), 'INF_MODEL_FORMAT', 'torch.jit');
  });

  test('the files that people really mistake for models', { skip: needsTestData }, async () => {
    const negative = (name: string) => load(dataFile(`negative/${name}`));
    await rejects(negative('resnet20-12fca82f.th'), 'INF_MODEL_FORMAT', 'torch.jit');
    await rejects(negative('squeezenet1.0-12.onnx'), 'INF_MODEL_FORMAT', 'git lfs pull');
    await rejects(negative('honk_cnn_one_fstride4.onnx'), 'INF_MODEL_INVALID');
    if (needsTorch) return;
    await rejects(negative('d2go_optimized.pt'), 'INF_MODEL_INVALID', 'torchvision::nms');
    await using stale = await negative('silero_model_micro_2021.jit');
    const x = new Tensor('float32', new Float32Array(4000), [1, 4000]);
    const error = await rejects(stale.run([x]), 'INF_MODEL_FAILED', 'return_complex');
    assert.match((error.cause as Error).message, /Traceback/);
  });

  test('a backend that does not run the file', async () => {
    await rejects(load(models.onnx, { backend: 'torch' }), 'INF_MODEL_FORMAT', 'onnx');
    await rejects(load(models.torch, { backend: 'onnx' }), 'INF_MODEL_FORMAT', 'torchscript');
  });

  test('a libtorch folder that is none: names it, and the ONNX file beside serves', async () => {
    const options = { libtorch: folder };
    await rejects(load(models.torch, options), 'INF_BACKEND_UNAVAILABLE', 'torch.onnx.export');
    await using model = await load(bundledModel, options);
    assert.equal(model.info.backend, 'onnx');
    assert.match(model.choice.reason, /torch is unavailable/);
  });
});

describe('options of a call', () => {
  const bad: [unknown, RegExp][] = [
    [null, /an object/],
    [{ metod: 'x' }, /"metod".*"method"/],
    [{ signal: {} }, /AbortSignal/],
  ];
  for (const [options, says] of bad) {
    test(JSON.stringify(options), async () => {
      await using model = await load(models.onnx, { backend: 'onnx' });
      await rejects(model.run([image()], options as never), 'INF_OPTION_INVALID', says);
      throws(() => model.runSync([image()], options as never), 'INF_OPTION_INVALID', says);
    });
  }
});

describe('options', () => {
  const bad: [object, RegExp][] = [
    [{ backend: 'tensorflow' }, /backend.*auto, torch, onnx.*tensorflow/],
    [{ device: 'gpu' }, /device.*gpu/],
    [{ threads: 0 }, /threads.*0/],
    [{ threads: 1.5 }, /threads/],
    [{ threads: Number.NaN }, /threads/],
    [{ threads: 1e9 }, /threads/],
    [{ signal: {} }, /signal/],
    [{ libtorch: 5 }, /libtorch/],
    [{ thread: 2 }, /thread.*threads/],
  ];
  for (const [options, says] of bad) {
    test(JSON.stringify(options), async () => {
      await rejects(load(models.onnx, options), 'INF_OPTION_INVALID', says);
    });
  }
  test('a device that is not there', async () => {
    for (const backend of backends) {
      await rejects(load(models[backend], { backend, device: 'cuda:7' }), 'INF_DEVICE_UNAVAILABLE', 'cuda:7', 'cpu');
    }
  });
  test('an aborted signal', async () => {
    await rejects(load(models.onnx, { signal: AbortSignal.abort() }), 'INF_ABORTED');
  });
});

for (const backend of backends) {
  describe(`inputs to the ${backend} backend`, () => {
    const cases: [string, () => unknown, ErrorCode, ...RegExp[]][] = [
      ['wrong name', () => ({ picture: image() }), 'INF_INPUT_UNKNOWN', /picture/, /image/],
      ['missing', () => ({}), 'INF_INPUT_MISSING', /image/],
      ['missing by position', () => [], 'INF_INPUT_MISSING', /image/],
      ['too many', () => [image(), image()], 'INF_INPUT_UNKNOWN', /2/],
      ['null', () => null, 'INF_INPUT_TYPE', /by name/],
      ['a bare tensor', () => image(), 'INF_INPUT_TYPE', /by name/],
      ['a bare typed array', () => [new Float32Array(3)], 'INF_INPUT_TYPE', /bare Float32Array.*new Tensor/],
      ['a nested array', () => ({ image: [1, 2] }), 'INF_INPUT_TYPE', /array of 2/],
      [
        'wrong dtype',
        () => [new Tensor('float64', new Float64Array(12288), [1, 3, 64, 64])],
        'INF_INPUT_DTYPE',
        /float32/,
        /float64/,
      ],
      ['wrong rank', () => [new Tensor('float32', new Float32Array(12), [12])], 'INF_INPUT_SHAPE', /3/, /\[12\]/],
      [
        'wrong size',
        () => [new Tensor('float32', new Float32Array(256), [1, 4, 8, 8])],
        'INF_INPUT_SHAPE',
        /3/,
        /\[1, 4, 8, 8\]/,
      ],
      [
        'shape of NaN',
        () => [{ dtype: 'float32', data: new Float32Array(1), shape: [Number.NaN] }],
        'INF_TENSOR_SHAPE',
        /NaN/,
      ],
      ['negative', () => [{ dtype: 'float32', data: new Float32Array(1), shape: [-1] }], 'INF_TENSOR_SHAPE', /-1/],
      ['unequal', () => [{ dtype: 'float32', data: new Float32Array(5), shape: [1, 3] }], 'INF_TENSOR_DATA', /3/, /5/],
      [
        'unknown dtype',
        () => [{ dtype: 'float8', data: new Float32Array(1), shape: [1] }],
        'INF_TENSOR_DTYPE',
        /float8/,
      ],
    ];
    for (const [name, inputs, code, ...says] of cases) {
      test(name, async () => {
        await using model = await load(models[backend], { backend });
        await rejects(model.run(inputs() as never), code, ...says);
        throws(() => model.runSync(inputs() as never), code, ...says);
        assert.deepEqual([...(await model.run([image()])).output!.shape], [1, 10]);
      });
    }

    test('a buffer that was transferred away after the tensor was made', async () => {
      await using model = await load(models[backend], { backend });
      const tensor = image();
      structuredClone(tensor.data.buffer, { transfer: [tensor.data.buffer as ArrayBuffer] });
      await rejects(model.run([tensor]), 'INF_TENSOR_DETACHED');
      assert.deepEqual([...(await model.run([image()])).output!.shape], [1, 10]);
    });

    test('a buffer that shrinks before the call, and one that shrinks during it', async () => {
      await using model = await load(models[backend], { backend });
      type Resizable = ArrayBuffer & { resize(size: number): void };
      const make = () => {
        const Buffer_ = ArrayBuffer as unknown as new (size: number, options: object) => Resizable;
        const buffer = new Buffer_(49_152, { maxByteLength: 49_152 });
        return { buffer, tensor: new Tensor('float32', new Float32Array(buffer), [1, 3, 64, 64]) };
      };
      const before = make();
      before.buffer.resize(400);
      const calls = [model.run([image()]), model.run([before.tensor]), model.run([image()])];
      const [first, bad, last] = await Promise.allSettled(calls);
      assert.deepEqual([first!.status, last!.status], ['fulfilled', 'fulfilled']);
      assertCode((bad as PromiseRejectedResult).reason, 'INF_TENSOR_DATA', '12288', '100');
      for (let round = 0; round < 10; round++) {
        const during = make();
        const call = model.run([during.tensor]);
        during.buffer.resize(0);
        assert.deepEqual([...(await call).output!.shape], [1, 10]);
      }
    });

    test('run after close', async () => {
      const model = await load(models[backend], { backend });
      await model.close();
      await model.close();
      await rejects(model.run([image()]), 'INF_MODEL_CLOSED');
      throws(() => model.runSync([image()]), 'INF_MODEL_CLOSED');
    });
  });
}

describe('tensors that cannot be', () => {
  const float =
    (shape: unknown, length = 1) =>
    () =>
      new Tensor('float32', new Float32Array(length), shape as number[]);
  const cases: [string, () => unknown, ErrorCode, RegExp][] = [
    ['data unequal to shape', float([2, 3], 5), 'INF_TENSOR_DATA', /6 elements.*5/],
    ['negative dimension', float([-1]), 'INF_TENSOR_SHAPE', /-1/],
    ['overflowing product', float([2 ** 30, 2 ** 30]), 'INF_TENSOR_SHAPE', /2\^53/],
    ['overflow hidden by a zero', float([2 ** 40, 2 ** 40, 0], 0), 'INF_TENSOR_SHAPE', /2\^53/],
    ['unsafe dimension', float([2 ** 60]), 'INF_TENSOR_SHAPE', /integer/],
    ['fraction', float([1.5]), 'INF_TENSOR_SHAPE', /1.5/],
    ['NaN', float([Number.NaN]), 'INF_TENSOR_SHAPE', /NaN/],
    ['infinite', float([Number.POSITIVE_INFINITY]), 'INF_TENSOR_SHAPE', /Infinity/],
    ['text', float(['1']), 'INF_TENSOR_SHAPE', /"1"/],
    ['bigint', float([1n]), 'INF_TENSOR_SHAPE', /1/],
    ['no array', float('abc'), 'INF_TENSOR_SHAPE', /abc/],
    ['unknown dtype', () => new Tensor('float' as DType, new Float32Array(1)), 'INF_TENSOR_DTYPE', /float32/],
    [
      'wrong array',
      () => new Tensor('float32', new Float64Array(1) as never),
      'INF_TENSOR_DATA',
      /Float32Array.*Float64Array/,
    ],
    ['plain array', () => new Tensor('float32', [1] as never), 'INF_TENSOR_DATA', /Float32Array.*Array/],
    ['nothing', () => new Tensor('float32', undefined as never), 'INF_TENSOR_DATA', /Float32Array/],
    ['numbers for strings', () => new Tensor('string', [1] as never), 'INF_TENSOR_DATA', /Element 0/],
  ];
  for (const [name, make, code, says] of cases) test(name, () => void throws(make, code, says));

  test('detached', () => {
    const data = new Float32Array(4);
    structuredClone(data.buffer, { transfer: [data.buffer] });
    throws(() => new Tensor('float32', data, [4]), 'INF_TENSOR_DETACHED');
  });
});

describe('an AOTInductor package', { skip: needsTorch || needsTestData }, () => {
  const path = dataFile('models/aoti_pt2/resnet20_cifar10_fp32.pt2');
  const batch = (shape: number[], dtype: 'float32' | 'float64' = 'float32') => {
    const size = shape.reduce((a, b) => a * b, 1);
    return [
      dtype === 'float32'
        ? new Tensor(dtype, new Float32Array(size), shape)
        : new Tensor(dtype, new Float64Array(size), shape),
    ];
  };

  test('checks what the compiled code does not', { skip: wantsAvx512 }, async () => {
    await using model = await load(path);
    const cases: [InputValue[], ErrorCode, RegExp][] = [
      [batch([1, 3, 16, 16]), 'INF_INPUT_SHAPE', /\[\?, 3, 32, 32\].*\[1, 3, 16, 16\]/],
      [batch([3, 32, 32]), 'INF_INPUT_SHAPE', /\[3, 32, 32\]/],
      [batch([1, 3, 32, 32], 'float64'), 'INF_INPUT_DTYPE', /float32.*float64/],
      [[], 'INF_INPUT_MISSING', /input_0/],
      [[1], 'INF_INPUT_SHAPE', /\[\]/],
      [['a'], 'INF_INPUT_TYPE', /Tensor/],
    ];
    for (const [inputs, code, says] of cases) await rejects(model.run(inputs), code, says);
    assert.deepEqual([...(await model.run(batch([1, 3, 32, 32]))).output!.shape], [1, 10]);
  });

  test('cut short or damaged', async () => {
    const whole = await readFile(path);
    await refused(await file('cut.pt2', whole.subarray(0, whole.length >> 1)));
    const damaged = Buffer.from(whole);
    randomFillSync(damaged, whole.length >> 1, 4096);
    await load(await file('damaged.pt2', damaged)).then(
      (model) => model.close(),
      (error: { code: ErrorCode }) => assertCode(error, 'INF_MODEL_INVALID'),
    );
  });
});

test('a model behind a symbolic link loads', async () => {
  const link = join(folder, 'link.onnx');
  await copyFile(models.onnx, join(folder, 'target.onnx'));
  await symlink(join(folder, 'target.onnx'), link);
  await using model = await load(link);
  assert.deepEqual([...(await model.run([image()])).output!.shape], [1, 10]);
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { load, Tensor } from 'infernode';
import { readAotiPackage } from '#src/backends/torch/aoti-package';
import { wantsAvx512 } from '../../../support/cpu.js';
import { rejects } from '../../../support/expect-error.js';
import { dataFile, needsTestData } from '../../../support/test-data.js';
import { needsTorch } from '../../../support/torch.js';
import { makeFolder } from '../../support/files.js';
import { makeZip } from '../../support/zip.js';

interface Spec {
  readonly type: string | null;
  readonly context: string | null;
  readonly children_spec: readonly Spec[];
}

const leaf: Spec = { type: null, context: null, children_spec: [] };
const tuple = (...items: Spec[]): Spec => ({ type: 'builtins.tuple', context: 'null', children_spec: items });
const list = (...items: Spec[]): Spec => ({ type: 'builtins.list', context: 'null', children_spec: items });
const dict = (items: Record<string, Spec>, type = 'builtins.dict'): Spec => ({
  type,
  context: JSON.stringify(Object.keys(items)),
  children_spec: Object.values(items),
});
const text = (spec: Spec): string => JSON.stringify([1, spec]);
const call = (args: Spec[], kwargs: Record<string, Spec> = {}): string => text(tuple(tuple(...args), dict(kwargs)));

/** One input's check, as torch 2.13 writes it into the wrapper. */
function check(index: number, dtype: string, sizes: readonly (number | { min: number; max?: number })[]): string {
  const dims = sizes.map((size, axis) => {
    const of = `arg${index}_1_size[${axis}]`;
    if (typeof size === 'number') return `if (${size} != ${of}) {\n ss << "expected: ${size}, " << ${of}; }`;
    const least = `if (${of} < ${size.min}) {\n ss << "dim value is too small at ${axis}" << ${of}; }`;
    return size.max === undefined ? least : `${least}\nif (${of} > ${size.max}) {\n ss << "too large" << ${of}; }`;
  });
  return `AOTI_NOINLINE static void check_input_${index}(
    AtenTensorHandle* input_handles
) {
    int32_t arg${index}_1_expected_dtype = aoti_torch_dtype_${dtype}();
    auto arg${index}_1_size = arg${index}_1.sizes();
    ${dims.join('\n')}
}
`;
}

const wrapper = (...checks: string[]): string =>
  `#include <x.h>\n${checks.join('\n')}\nAOTI_NOINLINE static void check_inputs() { if (9 != arg0_1_size[3]) {} }\n`;

async function makePackage(t: TestContext, source: string | null): Promise<string> {
  const folder = await makeFolder(t, {
    'm.pt2': makeZip({
      'm/data/aotinductor/model/abc.kernel.cpp': wrapper(check(0, 'int8', [9])),
      ...(source === null ? {} : { 'm/data/aotinductor/model/abc.wrapper.cpp': source }),
      'm/data/aotinductor/model/abc.wrapper.so': 'x',
    }),
  });
  return join(folder, 'm.pt2');
}

const names = async (path: string, input: string, output = text(leaf)) => {
  const { signature, outputNames } = await readAotiPackage(path, { input, output });
  assert.deepEqual(
    signature.outputs.map(({ name }) => name),
    outputNames,
  );
  return [signature.inputs.map(({ name }) => name), outputNames];
};

describe('names by the call spec', () => {
  test('one input and one output', async (t) => {
    assert.deepEqual(await names(await makePackage(t, ''), call([leaf])), [['input_0'], ['output']]);
  });

  test('positional inputs are numbered, keyword inputs keep their names', async (t) => {
    const input = call([leaf, tuple(leaf, leaf), dict({ a: leaf })], { mask: leaf, state: list(leaf) });
    const [inputs] = await names(await makePackage(t, ''), input);
    assert.deepEqual(inputs, ['input_0', 'input_1.0', 'input_1.1', 'input_2.a', 'mask', 'state.0']);
  });

  test('no inputs', async (t) => {
    assert.deepEqual((await names(await makePackage(t, ''), call([])))[0], []);
  });

  const outputs: [string, Spec, string[]][] = [
    ['a tuple', tuple(leaf, leaf), ['output.0', 'output.1']],
    ['a tuple in a tuple', tuple(leaf, tuple(leaf, list(leaf))), ['output.0', 'output.1.0', 'output.1.1.0']],
    ['a dict', dict({ logits: leaf, 'a.b': leaf }), ['logits', 'a.b']],
    ['a dict of dicts', dict({ a: dict({ b: leaf }) }), ['a.b']],
    ['a dict in a tuple', tuple(leaf, dict({ b: leaf })), ['output.0', 'output.1.b']],
  ];
  for (const [what, spec, expected] of outputs) {
    test(`outputs of ${what}`, async (t) => {
      assert.deepEqual((await names(await makePackage(t, ''), call([leaf]), text(spec)))[1], expected);
    });
  }

  test('an OrderedDict is a dict', async (t) => {
    const spec = text(dict({ a: leaf, b: leaf }, 'collections.OrderedDict'));
    assert.deepEqual((await names(await makePackage(t, ''), call([leaf]), spec))[1], ['a', 'b']);
  });

  test('a defaultdict is a dict', async (t) => {
    const context = { default_factory_module: 'builtins', default_factory_name: 'list', dict_context: ['a'] };
    const spec = { type: 'collections.defaultdict', context: JSON.stringify(context), children_spec: [leaf] };
    assert.deepEqual((await names(await makePackage(t, ''), call([leaf]), text(spec)))[1], ['a']);
  });

  test('a spec that is none', async (t) => {
    const path = await makePackage(t, '');
    await rejects(readAotiPackage(path, { input: '', output: '' }), 'INF_MODEL_INVALID');
  });
});

describe('demands by the generated source', () => {
  const inputsOf = async (t: TestContext, source: string | null, count = 1) => {
    const input = call(Array.from({ length: count }, () => leaf));
    const { signature } = await readAotiPackage(await makePackage(t, source), { input, output: text(leaf) });
    return signature.inputs.map(({ dtype, shape, maxShape }) => ({ dtype, shape, maxShape }));
  };

  test('dtype and sizes of each input, from the wrapper only', async (t) => {
    const source = wrapper(check(1, 'int64', []), check(0, 'float32', [1, 3, 32]));
    assert.deepEqual(await inputsOf(t, source, 2), [
      { dtype: 'float32', shape: [1, 3, 32], maxShape: undefined },
      { dtype: 'int64', shape: [], maxShape: undefined },
    ]);
  });

  test('a size that varies, up to its bound; the lower bound is not taken over', async (t) => {
    const source = wrapper(check(0, 'bfloat16', [{ min: 2, max: 64 }, { min: 2 }, 7]));
    assert.deepEqual(await inputsOf(t, source), [
      { dtype: 'bfloat16', shape: [null, null, 7], maxShape: [64, null, null] },
    ]);
  });

  test('a bound of 15 is none', async (t) => {
    const bounds = async (max: number) => (await inputsOf(t, wrapper(check(0, 'float32', [{ min: 2, max }]))))[0]!;
    assert.deepEqual([(await bounds(14)).maxShape, (await bounds(16)).maxShape], [[14], [16]]);
    assert.deepEqual(await bounds(15), { dtype: 'float32', shape: [null], maxShape: undefined });
  });

  test('a dtype that no tensor has', async (t) => {
    assert.equal((await inputsOf(t, wrapper(check(0, 'complex64', [2]))))[0]!.dtype, null);
  });

  test('without source, nothing is demanded', async (t) => {
    const nothing = { dtype: null, shape: null, maxShape: undefined };
    assert.deepEqual(await inputsOf(t, null), [nothing]);
    assert.deepEqual(await inputsOf(t, 'int main() {}', 2), [nothing, nothing]);
  });

  test('a file that is no package', async (t) => {
    const folder = await makeFolder(t, { 'm.pt2': 'PK but no zip' });
    const path = join(folder, 'm.pt2');
    await rejects(readAotiPackage(path, { input: call([]), output: text(leaf) }), 'INF_MODEL_INVALID', path, 'damaged');
  });
});

describe('a real package', { skip: needsTestData || needsTorch }, () => {
  const path = 'models/aoti_pt2/resnet20_cifar10_fp32.pt2';

  test('for another CPU is refused, with what that CPU lacks', {
    skip: !wantsAvx512 && 'this CPU has AVX-512, which the package needs',
  }, async () => {
    await rejects(load(dataFile(path)), 'INF_MODEL_INVALID', 'compiled for a CPU with AVX512', 'this one lacks');
  });

  test('is described, and its demands are held against a call', { skip: wantsAvx512 }, async () => {
    await using model = await load(dataFile(path));
    assert.deepEqual([model.info.format, model.info.signatureSource], ['aotinductor', 'declared']);
    const [input] = model.signature.inputs;
    assert.deepEqual([input!.name, input!.dtype, input!.shape], ['input_0', 'float32', [null, 3, 32, 32]]);
    const images = (...shape: number[]) =>
      new Tensor('float32', new Float32Array(shape.reduce((size, dim) => size * dim)), shape);
    for (const batch of [1, 16, 64]) {
      assert.deepEqual((await model.run([images(batch, 3, 32, 32)])).output!.shape, [batch, 10]);
    }
    await rejects(model.run([images(1, 3, 31, 32)]), 'INF_INPUT_SHAPE', '[?, 3, 32, 32]', '[1, 3, 31, 32]');
    await rejects(model.run([images(1, 4, 32, 32)]), 'INF_INPUT_SHAPE');
    const doubles = new Tensor('float64', new Float64Array(3 * 32 * 32), [1, 3, 32, 32]);
    await rejects(model.run([doubles]), 'INF_INPUT_DTYPE', 'float32', 'float64');
  });
});

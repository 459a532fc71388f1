import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { Inputs, InputValue, Signature, ValueInfo } from '#src/backends/backend';
import { bindInputs, explainMismatch } from '#src/backends/bind-inputs';
import { formatShape } from '#src/backends/input-errors';
import { Tensor } from '#src/tensor/tensor';
import { throws } from '../../support/expect-error.js';

function value(name: string, kind: ValueInfo['kind'], more: Partial<ValueInfo> = {}): ValueInfo {
  return { name, kind, dtype: null, shape: null, optional: false, type: `a ${kind}`, ...more };
}

const tensor = (name: string, more: Partial<ValueInfo> = {}) => value(name, 'tensor', more);
const dict = (name: string, item: ValueInfo) => value(name, 'dict', { items: [item] });
const list = (name: string, item: ValueInfo) => value(name, 'list', { items: [item] });
const tuple = (name: string, ...items: ValueInfo[]) => value(name, 'tuple', { items });

const takes = (...inputs: ValueInfo[]): Signature => ({ inputs, outputs: [] });

const floats = (...shape: number[]) =>
  new Tensor('float32', new Float32Array(shape.reduce((size, dim) => size * dim, 1)), shape);
const x = floats(1);
const y = floats(2);

/** An object whose own key may be `__proto__`, as JSON.parse makes it. */
function entry(name: string, item: InputValue): Record<string, InputValue> {
  return Object.defineProperty({}, name, { value: item, enumerable: true, configurable: true, writable: true });
}

/** Binds as JavaScript does, without types. */
const bind = (signature: Signature, inputs: unknown, strict = true) => bindInputs(signature, inputs as Inputs, strict);

describe('inputs', () => {
  const signature = takes(tensor('a'), value('n', 'int'), tensor('b', { optional: true }));

  test('by name, in any order, come out in that of the signature', () => {
    assert.deepEqual(bind(signature, { b: y, n: 2, a: x }), [x, 2, y]);
    assert.deepEqual(bind(signature, { n: 2, a: x }), [x, 2, undefined]);
    assert.deepEqual(bind(signature, { n: 2, a: x, b: null }), [x, 2, undefined]);
  });

  test('by position', () => {
    assert.deepEqual(bind(signature, [x, 2]), [x, 2, undefined]);
    assert.deepEqual(bind(signature, [x, 2, y]), [x, 2, y]);
    throws(() => bind(signature, [x, 2, y, 4]), 'INF_INPUT_UNKNOWN', '"a"', '4 inputs');
    throws(() => bind(takes(), [x]), 'INF_INPUT_UNKNOWN', 'no inputs');
  });

  test('that are missing are named, with their type', () => {
    const error = throws(() => bind(signature, { a: x }), 'INF_INPUT_MISSING', '"n"', 'a int');
    assert.deepEqual(error.details, { name: 'n', expected: 'a int', given: 'nothing' });
    for (const inputs of [{}, [], [undefined, 1], { n: 1, a: null }]) {
      throws(() => bind(signature, inputs), 'INF_INPUT_MISSING', '"a"');
    }
  });

  test('that do not exist are named, with those that do', () => {
    const error = throws(() => bind(signature, { a: x, n: 1, c: y }), 'INF_INPUT_UNKNOWN', '"c"', '"a"', '"n"', '"b"');
    assert.deepEqual(error.details, { name: 'c', expected: 'a, n, b', given: 'c' });
  });

  test('are an object or an array', () => {
    for (const inputs of [undefined, null, 5, 'a', x, () => x]) throws(() => bind(signature, inputs), 'INF_INPUT_TYPE');
  });
});

describe('names that objects have by birth', () => {
  const born = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'prototype', 'valueOf'];

  test('are inputs like others where the model has them', () => {
    for (const name of born) {
      assert.deepEqual(bind(takes(tensor(name)), entry(name, x)), [x], name);
      throws(() => bind(takes(tensor(name)), {}), 'INF_INPUT_MISSING', name);
    }
  });

  test('are unknown where the model has not', () => {
    for (const name of born) {
      for (const given of [name, `${name}.a`, `${name}.${name}`, `.${name}`, `${name}.`]) {
        throws(() => bind(takes(tensor('a')), { a: x, ...entry(given, x) }), 'INF_INPUT_UNKNOWN', given);
        throws(() => bind(takes(tuple('t', tensor('t.0'))), entry(`t.${name}`, x)), 'INF_INPUT_UNKNOWN', name);
      }
    }
  });

  test('are keys of dicts like others', () => {
    for (const name of born) {
      const [bound] = bind(takes(dict('d', tensor('d.key'))), { d: entry(name, x) });
      assert.ok(Object.hasOwn(bound as object, name), name);
      assert.equal(Object.getOwnPropertyDescriptor(bound, name)!.value, x, name);
    }
  });

  describe('as parts of a path', () => {
    /** What all objects share, and must not change. */
    const shared: object[] = [Object.prototype, ...born.flatMap((name) => (name in {} ? [({} as never)[name]] : []))];

    afterEach(() => {
      for (const place of shared) Reflect.deleteProperty(place, 'spoiled');
    });

    for (const name of born) {
      const last = `d.${name}`;
      test(last, () => {
        const [bound] = bind(takes(dict('d', tensor('d.key'))), entry(last, x));
        assert.deepEqual(Object.keys(bound as object), [name]);
        assert.equal(Object.getPrototypeOf(bound), Object.prototype);
      });

      const inner = `d.${name}.spoiled`;
      test(inner, () => {
        const nested = takes(dict('d', dict('d.key', tensor('d.key.key'))));
        try {
          const [bound] = bind(nested, entry(inner, x));
          const outer = Object.getOwnPropertyDescriptor(bound, name)?.value;
          assert.deepEqual(Object.keys(outer ?? {}), ['spoiled']);
        } finally {
          assert.ok(!shared.some((place) => Object.hasOwn(place, 'spoiled')), 'what all objects share was changed');
        }
      });
    }
  });
});

describe('elements by their path', () => {
  const signature = takes(
    tuple('hc', tensor('hc.0'), tuple('hc.1', tensor('hc.1.0'), value('hc.1.1', 'float'))),
    list('items', tensor('items.0')),
    dict('table', tensor('table.key')),
  );

  test('make tuples, lists and dicts', () => {
    const given = {
      'table.b': x,
      'hc.1.1': 3,
      'items.0': x,
      'hc.0': x,
      'items.1': y,
      'table.a': y,
      'hc.1.0': y,
    };
    assert.deepEqual(bind(signature, given), [[x, [y, 3]], [x, y], { b: x, a: y }]);
  });

  test('a name with dots that the model has itself comes first', () => {
    assert.deepEqual(bind(takes(tensor('a.b'), tensor('a')), { 'a.b': x, a: y }), [x, y]);
  });

  test('that do not exist are unknown', () => {
    for (const name of [
      'hc.2',
      'hc.-1',
      'hc.x',
      'hc.',
      'hc.0.0',
      'hc.1.2',
      'items.x',
      'items.1e3',
      'items.0.0',
      'none.0',
    ]) {
      const rest = { items: [], table: {} };
      throws(() => bind(signature, { ...rest, [name]: x }), 'INF_INPUT_UNKNOWN', name);
    }
    throws(() => bind(takes(tensor('a')), { 'a.0': x }), 'INF_INPUT_UNKNOWN', 'a.0');
  });

  test('that are left out are missing', () => {
    const rest = { hc: [x, [y, 1]], table: {} };
    throws(() => bind(signature, { ...rest, 'items.1': x }), 'INF_INPUT_MISSING', 'items.0');
    // biome-ignore lint/suspicious/noSparseArray: that is the point
    throws(() => bind(signature, { ...rest, items: [x, , x] }), 'INF_INPUT_MISSING', 'items.1');
  });

  test('that are left out of a tuple are missing', () => {
    throws(() => bind(signature, { 'hc.0': x, items: [], table: {} }), 'INF_INPUT_MISSING', 'hc.1');
    const undefinedElement = { 'hc.0': undefined, 'hc.1': [y, 1], items: [], table: {} };
    throws(() => bind(signature, undefinedElement), 'INF_INPUT_MISSING', 'hc.0');
    throws(() => bind(signature, { 'hc.1.0': x, 'hc.0': x, items: [], table: {} }), 'INF_INPUT_MISSING', 'hc.1.1');
  });

  test('do not change what the caller gave', () => {
    const table = { a: x };
    const items = [x];
    const bound = bind(signature, { hc: [x, [y, 1]], table, items, 'table.b': y, 'items.1': y });
    assert.deepEqual(bound.slice(1), [[x, y], { a: x, b: y }]);
    assert.deepEqual([table, items], [{ a: x }, [x]]);
  });

  test('cannot be set in what is no container', () => {
    for (const items of [x, 5, 'text', true, null]) {
      assert.throws(() => bind(signature, { hc: [x, [y, 1]], table: {}, items, 'items.0': x }), {
        name: 'InfernodeError',
      });
    }
  });
});

describe('kinds', () => {
  /** Binds one value to one input. */
  const one = (info: ValueInfo, given: unknown) => bind(takes(info), [given])[0];

  test('int: safe integers, and bigints of 64 bits', () => {
    for (const given of [0, -5, 2 ** 53 - 1, 2n ** 63n - 1n, -(2n ** 63n)])
      assert.equal(one(value('n', 'int'), given), given);
    assert.equal(one(value('n', 'int'), new Tensor('int64', BigInt64Array.of(7n))), 7n);
    for (const given of [1.5, Number.NaN, 2 ** 53, 2n ** 63n, true, '1', [1], {}]) {
      throws(() => one(value('n', 'int'), given), 'INF_INPUT_TYPE', '"n"');
    }
  });

  test('float, bool and string', () => {
    assert.equal(one(value('f', 'float'), 3n), 3);
    assert.equal(one(value('f', 'float'), Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
    assert.equal(one(value('f', 'float'), new Tensor('float32', Float32Array.of(0.5), [])), 0.5);
    assert.equal(one(value('b', 'bool'), false), false);
    assert.equal(one(value('b', 'bool'), new Tensor('bool', Uint8Array.of(1))), true);
    assert.equal(one(value('s', 'string'), ''), '');
    for (const given of ['1', true, []]) throws(() => one(value('f', 'float'), given), 'INF_INPUT_TYPE');
    for (const given of [1, 0, 'true']) throws(() => one(value('b', 'bool'), given), 'INF_INPUT_TYPE');
    for (const given of [1, false, ['a']]) throws(() => one(value('s', 'string'), given), 'INF_INPUT_TYPE');
    throws(() => one(value('f', 'float'), floats(2)), 'INF_TENSOR_SHAPE', 'one element');
  });

  test('tensor: also what only looks like one, once it is checked', () => {
    const like = { dtype: 'float32', shape: [2], data: new Float32Array(2) };
    const bound = one(tensor('x'), like);
    assert.ok(bound instanceof Tensor);
    assert.equal(bound.data, like.data);
    throws(() => one(tensor('x'), { ...like, shape: [3] }), 'INF_TENSOR_DATA');
    throws(() => one(tensor('x'), { ...like, dtype: 'float' }), 'INF_TENSOR_DTYPE');
    for (const given of [[1, 2], new Float32Array(2), {}, 'a', 1])
      throws(() => one(tensor('x'), given), 'INF_INPUT_TYPE');
  });

  test('tensor: not one whose buffer was transferred', () => {
    const gone = floats(2);
    structuredClone(gone.data.buffer, { transfer: [gone.data.buffer as ArrayBuffer] });
    throws(() => one(tensor('x'), gone), 'INF_TENSOR_DETACHED');
  });

  test('tensor: of a bare number, where the dtype is known', () => {
    const bare = (dtype: ValueInfo['dtype'], given: unknown) => {
      const { dtype: bound, shape, data } = one(tensor('x', { dtype }), given) as Tensor;
      assert.deepEqual([bound, shape], [dtype, []]);
      return data[0];
    };
    assert.equal(bare('float32', 1.5), 1.5);
    assert.equal(bare('int64', 3), 3n);
    assert.equal(bare('int64', -3n), -3n);
    assert.equal(bare('int32', 3n), 3);
    assert.equal(bare('bool', true), 1);
    assert.equal(bare('string', 'a'), 'a');
    throws(() => bare('int64', 1.5), 'INF_TENSOR_DATA');
    throws(() => bare('string', 1), 'INF_INPUT_TYPE');
    throws(() => bare('float32', '1'), 'INF_INPUT_TYPE');
    assert.equal(bare('float16', 1), 0x3c00);
  });

  const lossy: [dtype: 'int32' | 'uint8' | 'int64' | 'bool', given: number | bigint][] = [
    ['int32', 1.5],
    ['int32', Number.NaN],
    ['uint8', 300],
    ['uint8', -1],
    ['int64', 2n ** 63n],
    ['int64', 1e300],
    ['bool', 7],
  ];
  for (const [dtype, given] of lossy) {
    test(`tensor: ${given} is no ${dtype}`, () => {
      assert.throws(() => one(tensor('x', { dtype }), given), { name: 'InfernodeError' });
    });
  }

  test('tuple, list and dict: their elements too', () => {
    const pair = tuple('p', tensor('p.0'), value('p.1', 'int'));
    assert.deepEqual(one(pair, [x, 1]), [x, 1]);
    throws(() => one(pair, [x]), 'INF_INPUT_MISSING', 'p.1');
    throws(() => one(pair, [x, 1, 2]), 'INF_INPUT_TYPE', '3 elements');
    throws(() => one(pair, [x, 1.5]), 'INF_INPUT_TYPE', 'p.1');
    throws(() => one(pair, x), 'INF_INPUT_TYPE', '"p"');
    throws(() => one(list('l', value('?', 'int')), [1, 'a']), 'INF_INPUT_TYPE', 'l.1');
    throws(() => one(list('l', value('?', 'int')), { 0: 1 }), 'INF_INPUT_TYPE', '"l"');
    throws(() => one(dict('d', value('?', 'int')), { a: 1, b: 'x' }), 'INF_INPUT_TYPE', 'd.b');
    for (const given of [[1], x, 'a', 1])
      throws(() => one(dict('d', value('?', 'int')), given), 'INF_INPUT_TYPE', '"d"');
  });

  test('dict: no Map and no instance of a class', () => {
    for (const given of [new Map([['a', 1]]), new Set(), new Date()]) {
      throws(() => one(dict('d', value('?', 'int')), given), 'INF_INPUT_TYPE', '"d"');
    }
  });

  test('any: whatever it is', () => {
    for (const given of [1, 2n, 'a', true, x]) assert.equal(one(value('?', 'any'), given), given);
    throws(() => one(value('?', 'any'), null), 'INF_INPUT_MISSING');
  });
});

describe('dtype and shape', () => {
  const fits = (shape: ValueInfo['shape'], given: number[], more: Partial<ValueInfo> = {}) =>
    bind(takes(tensor('x', { shape, ...more })), [floats(...given)]);

  test('that the file declares', () => {
    fits([null, 3, 'width'], [7, 3, 5]);
    fits([], []);
    fits(null, [1, 2, 3]);
    for (const given of [[7, 4, 5], [7, 3], [7, 3, 5, 1], [], [3]]) {
      throws(() => fits([null, 3, 'width'], given), 'INF_INPUT_SHAPE', '[?, 3, width]', `[${given.join(', ')}]`);
    }
    throws(() => fits([0], [1]), 'INF_INPUT_SHAPE');
    const error = throws(
      () => bind(takes(tensor('x', { dtype: 'int64' })), [x]),
      'INF_INPUT_DTYPE',
      'int64',
      'float32',
    );
    assert.deepEqual(error.details, { name: 'x', expected: 'int64', given: 'float32' });
  });

  test('are not held against a call where they are derived', () => {
    const demands = takes(tensor('x', { shape: [9], dtype: 'int8' }));
    assert.deepEqual(bind(demands, [x], false), [x]);
    assert.equal(explainMismatch(demands, [x])?.code, 'INF_INPUT_DTYPE');
    assert.equal(explainMismatch(takes(tensor('x', { shape: [9] })), [x])?.code, 'INF_INPUT_SHAPE');
    assert.equal(explainMismatch(takes(tensor('x', { shape: [1] }), tensor('y')), [x, undefined]), undefined);
  });

  test('a leading ... stands for any number of dimensions', () => {
    for (const given of [[5], [2, 5], [3, 2, 5]]) fits(['...', 5], given);
    for (const given of [[], [4], [5, 4]]) throws(() => fits(['...', 5], given), 'INF_INPUT_SHAPE', '[..., 5]');
    fits(['...'], []);
    fits(['...', null, 5], [1, 5]);
    throws(() => fits(['...', null, 5], [5]), 'INF_INPUT_SHAPE');
  });

  test('the largest sizes', () => {
    const maxShape = [64, null];
    fits(['batch', 3], [64, 3], { maxShape });
    throws(() => fits(['batch', 3], [65, 3], { maxShape }), 'INF_INPUT_SHAPE', '[batch<=64, 3]', '[65, 3]');
    throws(() => fits([null, 3], [65, 3], { maxShape }), 'INF_INPUT_SHAPE', '[?<=64, 3]');
  });

  test('of elements as well', () => {
    const signature = takes(tuple('hc', tensor('hc.0', { shape: [2] })));
    throws(() => bind(signature, { 'hc.0': x }), 'INF_INPUT_SHAPE', 'hc.0');
  });

  test('as they are written', () => {
    assert.equal(formatShape(null), '[...]');
    assert.equal(formatShape([]), '[]');
    assert.equal(formatShape(['batch', 3, null]), '[batch, 3, ?]');
    assert.equal(formatShape([4, null, 'n'], [4, 8, 9]), '[4, ?<=8, n<=9]');
  });
});

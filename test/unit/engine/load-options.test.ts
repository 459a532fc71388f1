import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PRECISIONS } from '#src/config/model-config';
import { describeValue } from '#src/config/schema';
import { availableCores } from '#src/config/thread-budget';
import { fillLoadOptions, type LoadOptions } from '#src/engine/load-options';
import { throws } from '../../support/expect-error.js';

/** Fills options as JavaScript gives them, without types. */
const fill = (options: unknown) => fillLoadOptions(options as LoadOptions);

test('everything has a default', () => {
  const defaults = {
    backend: 'auto',
    device: 'cpu',
    devices: null,
    graphs: true,
    gpuMemoryLimit: undefined,
    // model.json or the default decides.
    threads: undefined,
    precision: undefined,
    instances: undefined,
    batching: undefined,
    warmup: undefined,
    libtorch: undefined,
    signal: undefined,
  };
  assert.deepEqual(fill({}), defaults);
  const named = { backend: undefined, device: undefined, threads: undefined, precision: undefined, signal: undefined };
  assert.deepEqual(fill(named), defaults);
});

test('what is given is kept', () => {
  const { signal } = new AbortController();
  const given = {
    backend: 'onnx',
    device: 'cuda:3',
    threads: 1,
    precision: 'int8',
    instances: 2,
    batching: { maxSize: 4, padTo: [2, 4] },
    warmup: 3,
    libtorch: '/lib',
    signal,
  };
  assert.deepEqual(fill(given), { ...given, devices: null, graphs: true, gpuMemoryLimit: undefined });
});

test('batching: true finds out what the model allows, false never joins', () => {
  assert.deepEqual(fill({ batching: true }).batching, {});
  assert.equal(fill({ batching: false }).batching, null);
  throws(() => fill({ batching: { maxSiz: 4 } }), 'INF_OPTION_INVALID', 'maxSiz', 'maxSize');
  throws(() => fill({ batching: { padTo: 4 } }), 'INF_OPTION_INVALID', 'batching', 'padTo');
});

test('devices: auto is the CPU, cuda is the first one', () => {
  const devices = ['auto', 'cpu', 'cuda', 'cuda:0', 'cuda:12'].map((device) => fill({ device }).device);
  assert.deepEqual(devices, ['cpu', 'cpu', 'cuda:0', 'cuda:0', 'cuda:12']);
});

test('threads: up to four for each core', () => {
  const most = availableCores() * 4;
  assert.equal(fill({ threads: most }).threads, most);
  throws(() => fill({ threads: most + 1 }), 'INF_OPTION_INVALID', `from 1 to ${most}`);
});

describe('what cannot be is refused, with what could', () => {
  const wrong: [name: string, expected: string, values: unknown[]][] = [
    ['backend', 'auto, torch, onnx', ['tensorflow', '', 'Torch', null, 1, '__proto__']],
    [
      'device',
      'auto, cpu, cuda or cuda:N',
      ['gpu', 'cuda:', 'cuda:-1', 'cuda:1234', 'cpu:0', ' cpu', 'cpu\n', null, 0],
    ],
    ['threads', 'an integer from 1', [0, -1, 1.5, 2n, Number.NaN, Number.POSITIVE_INFINITY, '2', null]],
    ['precision', PRECISIONS.join(', '), ['float32', 'FP32', null]],
    ['instances', 'an integer from 1', [0, 1.5, '2', null]],
    ['warmup', 'an integer from 0', [-1, 0.5, true, null]],
    ['libtorch', 'a path', [1, null, {}]],
    ['signal', 'an AbortSignal', [{ aborted: false }, new AbortController(), null]],
  ];
  for (const [name, expected, values] of wrong) {
    test(name, () => {
      for (const value of values) {
        const error = throws(() => fill({ [name]: value }), 'INF_OPTION_INVALID', `Option ${name}`, expected);
        assert.deepEqual([error.details.name, error.details.given], [name, describeValue(value)]);
      }
    });
  }
});

test('numbers that are none and bigints are told as they are', () => {
  throws(() => fill({ threads: Number.NaN }), 'INF_OPTION_INVALID', /, not NaN$/);
  throws(() => fill({ threads: 2n }), 'INF_OPTION_INVALID', /, not 2$/);
});

test('an unknown option is named, with the one that was meant', () => {
  throws(() => fill({ thread: 2 }), 'INF_OPTION_INVALID', '"thread"', 'did you mean "threads"');
  throws(() => fill({ something: 2 }), 'INF_OPTION_INVALID', /There is no option "something"; there are backend, /);
  throws(() => fill('torch'), 'INF_OPTION_INVALID', 'Options are an object');
});

test('options that are null', () => {
  throws(() => fill(null), 'INF_OPTION_INVALID');
});

test('every precision there is may be asked for', () => {
  assert.deepEqual(
    PRECISIONS.map((precision) => fill({ precision }).precision),
    PRECISIONS,
  );
});

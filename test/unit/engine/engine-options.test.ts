import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteBudget } from '#src/engine/batching/byte-budget';
import { type EngineOptions, fillEngineOptions } from '#src/engine/engine-options';
import { fillLoadOptions } from '#src/engine/load-options';
import { throws } from '../../support/expect-error.js';

const fill = (options: object) => fillEngineOptions(options as EngineOptions);
const wrong = (options: object, ...says: (string | RegExp)[]) =>
  throws(() => fill({ repository: 'models', ...options }), 'INF_OPTION_INVALID', ...says);

test('defaults, and what is handed on to load', () => {
  assert.deepEqual(fill({ repository: 'models', backend: 'onnx', threads: 1 }), {
    repository: 'models',
    models: {},
    mode: 'none',
    startup: [],
    pollMs: 2000,
    queue: { batching: {}, warmup: 1, maxQueue: 256, budget: new ByteBudget(2 ** 30) },
    observe: undefined,
    load: fillLoadOptions({ backend: 'onnx', threads: 1 }),
  });
});

test('unknown options, with the one that was meant', () => {
  wrong({ repositry: 'x' }, 'no option "repositry"', 'did you mean "repository"?');
  wrong({ thread: 1 }, 'did you mean "threads"?');
  wrong({ signal: new AbortController().signal }, 'no option "signal"');
});

test('values that do not fit', () => {
  throws(() => fill({}), 'INF_OPTION_INVALID', 'a repository, models, or both');
  throws(() => fillEngineOptions(null as unknown as EngineOptions), 'INF_OPTION_INVALID');
  wrong({ repository: 5 }, 'Option repository must be the path of a folder, not 5');
  wrong({ repository: '' }, 'Option repository');
  wrong({ models: 'x' }, 'Option models must be an object of paths');
  wrong({ models: { a: 5 } }, 'Option models.a must be a path');
  wrong({ models: { '../a': 'x' } }, 'the name "../a" has a path separator');
  wrong({ mode: 'pull' }, 'Option mode must be none, explicit, poll, not "pull"');
  wrong({ mode: 'explicit', startup: 'net' }, 'Option startup must be a list of names');
  wrong({ mode: 'explicit', startup: ['a/b'] }, 'the name "a/b"');
  wrong({ startup: ['net'] }, 'Option startup is for mode explicit');
  wrong({ pollMs: 100 }, 'Option pollMs is for mode poll');
  for (const pollMs of [0, 9, 1.5, 2 ** 31, Number.NaN, '10']) wrong({ mode: 'poll', pollMs }, 'Option pollMs must be');
  wrong({ batching: { maxSize: 0 } }, 'batching', 'maxSize');
  wrong({ batching: { maxSiz: 1 } }, 'did you mean "maxSize"?');
  wrong({ observe: {} }, 'Option observe must be a function');
  wrong({ backend: 'tf' }, 'Option backend');
});

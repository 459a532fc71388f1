import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFlags } from '../../../bench/flags.js';

test('modes and models are those that there are', () => {
  const { mode, models, out, prepare } = parseFlags(['--smoke', '--models', 'mlp,encoder', '--out', 'x.json']);
  assert.deepEqual([mode, models, out, prepare], ['smoke', ['mlp', 'encoder'], 'x.json', false]);
  assert.deepEqual([parseFlags([]).mode, parseFlags([]).models], ['quick', undefined]);
  assert.throws(() => parseFlags(['--mode', 'nope']), /^Error: --mode is smoke, quick, full, not nope$/);
  assert.throws(() => parseFlags(['--models', 'mlp,net']), /^Error: --models is some of .*, and not net$/);
  assert.throws(() => parseFlags(['--frob']), /Unknown option '--frob'/);
});

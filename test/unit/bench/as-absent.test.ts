import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asAbsent } from '../../../bench/contestants/as-absent.js';
import { classOf } from '../../../bench/contestants/catalogue.js';
import { Absent } from '../../../bench/contestants/protocol.js';

const [ours, peer] = [{ isOurs: true }, { isOurs: false }];

test('a peer that fails is absent, with the last line of why', () => {
  const failure = new Error('net: it ended by 1: Traceback\n  File "x.py"\nOSError: libgomp.so.1: cannot open');
  assert.equal(asAbsent(failure, peer, 'full').message, 'it failed: OSError: libgomp.so.1: cannot open');
  const advice = new Error(
    'Traceback\n  File "x.py"\ntorch.InductorError: AssertionError: got 0\n  args[0]: 1\n\nSet X=1 for more',
  );
  assert.equal(asAbsent(advice, peer, 'full').message, 'it failed: torch.InductorError: AssertionError: got 0');
  const absent = new Absent('only in npm run bench:full');
  assert.equal(asAbsent(absent, ours, 'smoke'), absent);
});

test('a failure of ours ends the run, and in the smoke mode that of all', () => {
  const failure = new Error('why');
  assert.throws(() => asAbsent(failure, ours, 'full'), failure);
  assert.throws(() => asAbsent(failure, peer, 'smoke'), failure);
});

test('what was to be reduced but computes in FP32 is compared with FP32', () => {
  assert.equal(classOf('reduced', 'fp32'), 'fp32');
  for (const precision of ['int8', 'bf16', null, undefined] as const)
    assert.equal(classOf('reduced', precision), 'reduced');
});

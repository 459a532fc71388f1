import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Build } from '#src/conversion/build';
import { alternativeTo } from '#src/optimize/alternative';
import type { CandidateResult } from '#src/optimize/optimize-report';

const base = { backend: 'torch', source: 'model.pt', format: 'torchscript' } as const;
const results = (...verdicts: CandidateResult['verdict'][]) =>
  verdicts.map((verdict) => ({ verdict }) as CandidateResult);

describe('BF16 in NHWC', () => {
  const build: Build = { ...base, name: 'torch bf16 nhwc', precision: 'bf16', layout: { channelsLast: true } };

  test('is tried in NCHW where it fails', () => {
    const other = alternativeTo(build, results('failed', 'failed'))!;
    assert.deepEqual([other.name, other.layout], ['torch bf16', { channelsLast: false }]);
    assert.equal(alternativeTo(other, results('failed')), undefined);
  });

  test('is not where it runs', () => {
    for (const verdict of ['right', 'inaccurate'] as const) {
      assert.equal(alternativeTo(build, results('failed', verdict)), undefined);
    }
  });
});

describe('static INT8 by the least and the greatest value', () => {
  const build: Build = { ...base, name: 'torch int8 static', precision: 'int8', mode: 'static', observer: 'min-max' };

  test('is tried by percentiles where it is inaccurate', () => {
    const other = alternativeTo(build, results('inaccurate'))!;
    assert.deepEqual([other.name, other.observer], ['torch int8 static percentile', 'percentile']);
    assert.equal(alternativeTo(other, results('inaccurate')), undefined);
  });

  test('is not where it is right or cannot be made', () => {
    for (const verdict of ['right', 'failed'] as const) {
      assert.equal(alternativeTo(build, results(verdict)), undefined);
    }
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ModelInfo } from '#src/backends/backend';
import type { Sample } from '#src/optimize/samples';
import type { Accuracy } from '#src/optimize/validator';
import { warningsOf } from '#src/optimize/warnings';

const float = { ops: { 'aten::linear': 1 } } as unknown as ModelInfo;
const quantized = { ops: { 'quantized::linear': 1 } } as unknown as ModelInfo;
const validation = Array.from({ length: 9 }, (_, i): Sample => ({ name: `${i}.png`, inputs: {} }));
const accuracy: Accuracy = { cosine: 1, snrDb: null, agreement: 1, top1: 0.5, samples: 9, labelled: 9 };

test('a report of a float model with labels for every sample has no warning', () => {
  assert.deepEqual(warningsOf(float, { validation, unlabelled: [] }, true, accuracy), []);
  assert.deepEqual(warningsOf(float, { validation, unlabelled: [] }, false, { ...accuracy, top1: null }), []);
});

test('samples without a label are named, the first of many', () => {
  const warn = (unlabelled: string[]) => warningsOf(float, { validation, unlabelled }, true, accuracy);
  assert.deepEqual(warn(['3.png', '5.png']), [
    '2 of 9 validation samples have no label and do not count in top-1: 3.png, 5.png',
  ]);
  assert.match(warn(['0', '1', '2', '3', '4', '5', '6'])[0]!, /^7 of 9 .*: 0, 1, 2, 3, 4 and 2 more$/);
});

test('labels for a model without classes, and a model that is quantized, are told', () => {
  const [one] = warningsOf(float, { validation, unlabelled: ['0'] }, true, { ...accuracy, top1: null });
  assert.match(one!, /labels were not used/);
  assert.match(warningsOf(quantized, { validation, unlabelled: [] }, false, accuracy)[0]!, /quantized already/);
});

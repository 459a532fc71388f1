import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agreementOf, toleranceOf } from '#src/benchmark/agreement';
import { Tensor } from '#src/tensor/tensor';
import { throws } from '../../support/expect-error.js';

const row = (...values: number[]) => new Tensor('float32', Float32Array.from(values)) as Tensor;

test('the output that differs most counts, relative to its largest element', () => {
  const agreement = agreementOf({ a: row(1, -4), b: row(100, 0) }, { a: row(1, -4.5), b: row(100, 1) }, 0.2);
  assert.equal(agreement.output, 'a');
  assert.ok(Math.abs(agreement.difference - 0.5 / 4.5) < 1e-6);
});

test('equal outputs agree, infinite and missing numbers too', () => {
  const odd = row(Number.NaN, Number.POSITIVE_INFINITY, 0);
  assert.equal(agreementOf({ y: odd }, { y: odd }, 0).difference, 0);
  const texts = new Tensor('string', ['a', 'b']) as Tensor;
  assert.equal(agreementOf({ y: texts }, { y: texts }, 0).difference, 0);
});

test('outputs of other names are compared in their order', () => {
  assert.equal(agreementOf({ a: row(1), b: row(2) }, { x: row(1), y: row(2) }, 0).difference, 0);
  throws(() => agreementOf({ a: row(1), b: row(2) }, { x: row(2), y: row(1) }, 0.1), 'INF_OUTPUT_MISMATCH', 'Output a');
});

test('whatever is further apart is an error that says what differs', () => {
  const one = { y: row(1, 2) };
  const error = throws(
    () => agreementOf(one, { y: row(1, 2.5) }, 0.1),
    'INF_OUTPUT_MISMATCH',
    'Output y differs by 0.200',
  );
  assert.deepEqual(error.details, { name: 'y', expected: 'at most 0.1', given: '0.2' });
  throws(() => agreementOf(one, { y: row(1, Number.NaN) }, 0.1), 'INF_OUTPUT_MISMATCH', 'NaN');
  throws(() => agreementOf(one, { y: row(1, Number.POSITIVE_INFINITY) }, 0.1), 'INF_OUTPUT_MISMATCH');
  throws(() => agreementOf(one, { y: row(1, 2, 3) }, 0.1), 'INF_OUTPUT_MISMATCH', 'float32 [2]', 'float32 [3]');
  throws(() => agreementOf(one, { y: row(1, 2), z: row(1) }, 0.1), 'INF_OUTPUT_MISMATCH', 'y, z');
  const texts = (text: string) => ({ y: new Tensor('string', [text]) as Tensor });
  throws(() => agreementOf(texts('a'), texts('b'), 0.1), 'INF_OUTPUT_MISMATCH');
});

test('float32 on both sides must agree more closely than 8 bits on one', () => {
  assert.ok(toleranceOf(['fp32', 'fp32']) < toleranceOf(['bf16', 'fp32']));
  assert.equal(toleranceOf(['fp32', 'int8']), toleranceOf([null, 'fp32']));
});

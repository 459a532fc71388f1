import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Tensor } from 'infernode';
import type { Outputs } from '#src/backends/backend';
import { type Accuracy, AccuracyMeter, shortfall } from '#src/optimize/validator';

const vector = (...values: number[]) => new Tensor('float32', Float32Array.from(values), [1, values.length]);
const scalar = (value: number) => new Tensor('float32', Float32Array.of(value), [1, 1]);
const integers = (...values: number[]) => new Tensor('int64', BigInt64Array.from(values, BigInt), [values.length]);

function compare(...pairs: [answer: Outputs, reference: Outputs, label?: number][]): Accuracy {
  const meter = new AccuracyMeter();
  for (const pair of pairs) meter.add(...pair);
  return meter.result;
}

describe('equal answers', () => {
  test('have a cosine of 1, no noise, and agree', () => {
    const accuracy = compare([{ y: vector(1, -2, 3) }, { y: vector(1, -2, 3) }]);
    assert.deepEqual(accuracy, { cosine: 1, snrDb: null, agreement: 1, top1: null, samples: 1, labelled: 0 });
  });

  test('may be zeros', () => {
    assert.equal(compare([{ y: vector(0, 0) }, { y: vector(0, 0) }]).cosine, 1);
  });

  test('may be none at all', () => {
    assert.deepEqual(compare(), { cosine: 0, snrDb: null, agreement: null, top1: null, samples: 0, labelled: 0 });
  });
});

describe('how near answers are', () => {
  test('is the mean cosine over samples, or that of all together if it is lower', () => {
    const small: [Outputs, Outputs] = [{ y: vector(1, 1) }, { y: vector(1, 0) }];
    const large: [Outputs, Outputs] = [{ y: vector(0, 10) }, { y: vector(0, 10) }];
    const near = (value: number, expected: number) => assert.ok(Math.abs(value - expected) < 1e-9, `${value}`);
    near(compare(small, large).cosine, (Math.SQRT1_2 + 1) / 2);
    near(compare(small, [{ y: vector(0, 1) }, { y: vector(0, 1) }]).cosine, 2 / Math.sqrt(6));
    near(compare(small, large).snrDb!, 10 * Math.log10(101));
  });

  test('is told of answers that are too large, by their noise', () => {
    assert.deepEqual(compare([{ y: vector(2, 4) }, { y: vector(1, 2) }]).snrDb, 0);
  });

  test('is told of the output that agrees least', () => {
    const reference = { good: vector(1, 2), bad: vector(1, 0), index: integers(7, 8) };
    const { cosine } = compare([{ ...reference, bad: vector(0, 1), index: integers(9, 9) }, reference]);
    assert.equal(cosine, 0);
  });

  test('is NaN where an answer is', () => {
    assert.equal(compare([{ y: vector(Number.NaN, 1) }, { y: vector(1, 1) }]).cosine, Number.NaN);
    const reference = { y: vector(1, 1), z: vector(1, 1) };
    for (const answer of [
      { ...reference, y: vector(Number.NaN, 1) },
      { ...reference, z: vector(1, Number.NaN) },
    ]) {
      assert.equal(compare([answer, reference]).cosine, Number.NaN);
    }
  });

  test('is not lost because outputs of another export have other names', () => {
    const reference = { scores: vector(1, 2), boxes: vector(-3, 1) };
    assert.equal(compare([{ output: vector(1, 2), 'output.1': vector(-3, 1) }, reference]).cosine, 1);
    assert.ok(compare([{ output: vector(-3, 1), 'output.1': vector(1, 2) }, reference]).cosine < 0.5);
  });

  test('is not lost because another export answers with fewer outputs', () => {
    assert.equal(compare([{ y: vector(1, 2) }, { y: vector(1, 2), z: vector(3, 4) }]).cosine, Number.NaN);
  });

  test('of a single number is told over all samples', () => {
    const probabilities = [0.9, 0.1, 0.8, 0.2];
    const wrong = probabilities.map((value): [Outputs, Outputs] => [{ p: scalar(1 - value) }, { p: scalar(value) }]);
    assert.ok(compare(...wrong).cosine < 0.6, String(compare(...wrong).cosine));
    const near = probabilities.map((value): [Outputs, Outputs] => [{ p: scalar(value + 0.01) }, { p: scalar(value) }]);
    assert.ok(compare(...near).cosine > 0.99);
  });

  test('of whole numbers alone is the share of those that are equal', () => {
    const reference = { best: integers(4, 0, 7, 7) };
    assert.equal(compare([{ best: integers(4, 0, 7, 7) }, reference]).cosine, 1);
    assert.equal(compare([{ best: integers(5, 0, 7, 7) }, reference]).cosine, 0.75);
  });
});

describe('classes', () => {
  const reference = { y: vector(0.1, 0.7, 0.2) };

  test('agree where the best one is the same', () => {
    const { agreement } = compare([{ y: vector(0.4, 0.5, 0) }, reference], [{ y: vector(1, 0, 0) }, reference]);
    assert.equal(agreement, 0.5);
  });

  test('are held against labels, where there are some', () => {
    const { top1 } = compare(
      [{ y: vector(0, 1, 0) }, reference, 1],
      [{ y: vector(1, 0, 0) }, reference, 0],
      [{ y: vector(1, 0, 0) }, reference, 1],
      [{ y: vector(1, 0, 0) }, reference],
    );
    assert.equal(top1, 2 / 3);
  });

  test('of every row of a batch count', () => {
    const rows = (...values: number[]) => new Tensor('float32', Float32Array.from(values), [2, 2]);
    assert.equal(compare([{ y: rows(1, 0, 1, 0) }, { y: rows(1, 0, 0, 1) }]).agreement, 0.5);
  });

  test('are not made out of two outputs that both might be scores, nor of a single score', () => {
    const both = { a: vector(1, 2), b: vector(1, 2) };
    assert.equal(compare([both, both]).agreement, null);
    assert.equal(compare([{ a: scalar(1) }, { a: scalar(1) }]).agreement, null);
  });

  test('are none where the answer has another shape', () => {
    const map = new Tensor('float32', new Float32Array(12), [1, 3, 2, 2]);
    const { agreement, cosine } = compare([{ y: map }, reference]);
    assert.deepEqual([agreement, cosine], [0, 0]);
  });
});

describe('an accuracy is good enough', () => {
  const base: Accuracy = { cosine: 1, snrDb: null, agreement: 1, top1: null, samples: 10, labelled: 0 };

  test('by its cosine, where there are no labels', () => {
    assert.equal(shortfall({ ...base, cosine: 0.9901 }, base, 0.01), undefined);
    assert.match(shortfall({ ...base, cosine: 0.98 }, base, 0.01)!, /cosine 0\.98000 is below 0\.99000/);
  });

  test('at no loss, if nothing but the rounding of float32 is lost', () => {
    assert.equal(shortfall({ ...base, cosine: 1 - 1e-11 }, base, 0), undefined);
    assert.match(shortfall({ ...base, cosine: 1 - 1e-6 }, base, 0)!, /below 1\.00000/);
  });

  test('by its top-1, where there are', () => {
    const reference = { ...base, top1: 0.8 };
    assert.equal(shortfall({ ...base, cosine: 0.5, top1: 0.79 }, reference, 0.01), undefined);
    assert.equal(shortfall({ ...base, top1: 0.9 }, reference, 0), undefined);
    assert.match(shortfall({ ...base, top1: 0.78 }, reference, 0.01)!, /top-1 fell by 2\.00 %, more than 1\.00 %/);
  });

  test('never with NaN, whatever the labels say', () => {
    const nan = { ...base, cosine: Number.NaN, top1: 0.9 };
    assert.match(shortfall(nan, { ...base, top1: 0.8 }, 0.5)!, /NaN/);
  });
});

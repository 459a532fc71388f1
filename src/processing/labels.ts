import { InfernodeError } from '../errors.js';
import { checkTensor, type Tensor } from '../tensor/tensor.js';

/** One class and how likely the model finds it. */
export interface Classification {
  /** The number of the class, from 0. */
  readonly index: number;
  /** Null if no label is known. */
  readonly label: string | null;
  /** A probability from 0 to 1, or the model's own score if softmax is off. */
  readonly score: number;
}

/** How far the sum of a row of probabilities may be from 1: the rounding of 1000 float32 values, or of 16-bit floats. */
const TOLERANCE = 1e-3;
const HALF_TOLERANCE = 1e-2;

/**
 * The `k` best classes of each row, best first; equal scores in the order of their classes, NaN last.
 *
 * @param scores shape [classes] or [rows, classes], with any dimensions of size 1 after
 * @param labels the label of class 0 first
 * @param softmax whether scores are turned into probabilities; by default they are, unless every row already is one: no
 *   negative score, and a sum of 1. A single score is left alone.
 * @throws InfernodeError INF_TENSOR_SHAPE for other shapes, INF_TENSOR_DTYPE for strings
 */
export function topK(scores: Tensor, k: number, labels?: readonly string[], softmax?: boolean): Classification[][] {
  checkTensor(scores?.dtype, scores?.data, scores?.shape);
  const classes = classCount(scores.shape);
  if (classes === null) {
    throw new InfernodeError(
      'INF_TENSOR_SHAPE',
      `Scores have shape [classes] or [rows, classes], not [${scores.shape.join(', ')}]`,
    );
  }
  const values = scores.toNumbers();
  const rows = Array.from({ length: classes === 0 ? 0 : values.length / classes }, (_, row) =>
    Array.from(values.slice(row * classes, (row + 1) * classes)),
  );
  const tolerance = scores.dtype === 'float16' || scores.dtype === 'bfloat16' ? HALF_TOLERANCE : TOLERANCE;
  const apply = softmax ?? (classes > 1 && !rows.every((row) => isDistribution(row, tolerance)));
  return rows.map((row) => best(apply ? softmaxOf(row) : row, k, labels));
}

/** The number of classes if a tensor of this shape can hold scores of classes, else null. */
export function classCount(shape: readonly number[]): number | null {
  if (shape.length === 0) return null;
  const classAxis = shape.length === 1 ? 0 : 1;
  return shape.slice(classAxis + 1).every((dim) => dim === 1) ? shape[classAxis]! : null;
}

function isDistribution(row: readonly number[], tolerance: number): boolean {
  const sum = row.reduce((total, value) => total + value, 0);
  return Math.abs(sum - 1) <= tolerance && row.every((value) => value >= 0);
}

function softmaxOf(row: readonly number[]): number[] {
  const max = row.reduce((largest, value) => Math.max(largest, value), Number.NEGATIVE_INFINITY);
  const powers = row.map((value) => Math.exp(value - max));
  const sum = powers.reduce((total, value) => total + value, 0);
  return powers.map((value) => value / sum);
}

function best(row: readonly number[], k: number, labels: readonly string[] | undefined): Classification[] {
  const rank = (index: number) => (Number.isNaN(row[index]!) ? Number.NEGATIVE_INFINITY : row[index]!);
  const order = Array.from(row.keys()).sort((a, b) => (rank(a) === rank(b) ? a - b : rank(b) - rank(a)));
  return order.slice(0, Math.max(0, k)).map((index) => ({ index, label: labels?.[index] ?? null, score: row[index]! }));
}

import { topK } from '../../processing/labels.js';
import { Tensor } from '../../tensor/tensor.js';

/**
 * The best classes of each row as the classification extension has them: "score:index" or "score:index:label".
 *
 * @param scores shape [classes] or [rows, classes], with any dimensions of size 1 after
 * @returns BYTES of shape [count] or [rows, count], where count is `count` or the number of classes if there are fewer
 * @throws InfernodeError INF_TENSOR_SHAPE, INF_TENSOR_DTYPE for what holds no scores
 */
export function classify(scores: Tensor, count: number, labels?: readonly string[]): Tensor<'string'> {
  const rows = topK(scores, count, labels, false);
  const texts = rows.flatMap((row) =>
    row.map(({ score, index, label }) => {
      const value = scores.dtype === 'float32' ? shortest(score) : String(score);
      return label === null ? `${value}:${index}` : `${value}:${index}:${label}`;
    }),
  );
  const columns = rows[0]?.length ?? 0;
  return new Tensor('string', texts, scores.shape.length === 1 ? [columns] : [rows.length, columns]);
}

/** The fewest digits that tell a float32 from its neighbours: 3.3, not 3.299999952316284. */
function shortest(value: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return String(rounded);
  }
  return String(Number(value.toPrecision(9)));
}

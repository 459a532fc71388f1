import type { InputValue, Outputs } from '../../backends/backend.js';
import { joinRows, sliceRows } from '../../tensor/rows.js';
import { Tensor } from '../../tensor/tensor.js';
import type { InferResult } from '../inference.js';

/** The arguments of a request of `rows` rows, in parts of `limit` rows at the most. Tensors are not copied. */
export function splitArguments(args: readonly InputValue[], rows: number, limit: number): InputValue[][] {
  const parts: InputValue[][] = [];
  for (let start = 0; start < rows; start += limit) {
    const size = Math.min(limit, rows - start);
    parts.push(args.map((value) => (value instanceof Tensor ? sliceRows(value, start, size) : value)));
  }
  return parts;
}

/** The answer to a request from those to its parts. */
export function joinResults(parts: readonly InferResult[]): InferResult {
  const [first] = parts as [InferResult];
  const rows = (name: string) => parts.reduce((sum, { outputs }) => sum + (outputs[name]!.shape[0] ?? 0), 0);
  const joined: [string, Tensor][] = Object.keys(first.outputs).map((name) => [
    name,
    joinRows(
      parts.map(({ outputs }) => outputs[name]!),
      rows(name),
    ),
  ]);
  const outputs: Outputs = Object.fromEntries(joined);
  const timings = parts.map(({ timing }) => timing);
  return {
    outputs,
    timing: {
      queueMs: Math.min(...timings.map(({ queueMs }) => queueMs)),
      computeMs: timings.reduce((sum, { computeMs }) => sum + computeMs, 0),
      batchRows: Math.max(...timings.map(({ batchRows }) => batchRows)),
    },
  };
}

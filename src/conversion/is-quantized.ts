import type { ModelInfo } from '../backends/backend.js';

/** Whether a model holds quantized operations. */
export function isQuantized({ ops }: ModelInfo): boolean {
  return Object.keys(ops).some((op) =>
    /^quantized::|^(com\.microsoft\.)?(QLinear|Q[A-Z]|DynamicQuantize|QuantizeLinear|MatMulInteger|ConvInteger)/.test(
      op,
    ),
  );
}

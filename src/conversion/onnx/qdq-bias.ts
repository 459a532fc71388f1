import type { QdqPlan, WeightUse } from './qdq-plan.js';
import { roundHalfEven } from './quantize-values.js';
import { channelBounds, type QuantizedWeights, weightScales } from './quantize-weights.js';
import { dimsOf, floatsOf } from './tensor-values.js';

const INT32_MAX = 2 ** 31 - 1;

/** A little more than needed, so that rounding to float32 does not undo it. */
const MARGIN = 1.0001;

/** A bias in int32, added to sums of products in the same units. */
export interface QuantizedBias {
  readonly data: Int32Array;
  /** Scale of the input times scale of the weight, for each channel that the weight tells apart. */
  readonly scales: Float32Array;
}

/** Null for a bias that is not one number for each channel, or one for all: it stays in float32. */
export function quantizeBias(
  values: Float32Array,
  dims: readonly number[],
  inputScale: number,
  weight: QuantizedWeights,
): QuantizedBias | null {
  const channels = weight.axis === null ? values.length : weight.scales.length;
  // [1, N] of Gemm is added like [N].
  const isList = dims.length === 1 || (dims.length === 2 && dims[0] === 1);
  if (!isList || (values.length !== channels && values.length !== 1)) return null;
  const scales = weight.scales.map((scale) => Math.fround(inputScale * scale));
  const data = new Int32Array(channels);
  for (let i = 0; i < channels; i++) {
    const value = values[values.length === 1 ? 0 : i]!;
    const rounded = roundHalfEven(value / scales[weight.axis === null ? 0 : i]!);
    data[i] = Math.max(-INT32_MAX - 1, Math.min(INT32_MAX, rounded));
  }
  return { data, scales };
}

/**
 * Scales of weights that are too small for the bias of their node: in units of input scale times weight scale, the bias
 * would not fit 32 bits. They are raised until it does, as TensorFlow Lite and ONNX Runtime do; such channels have
 * weights next to nothing, which lose little.
 */
export function raisedScales(
  plan: QdqPlan,
  inputScale: (name: string) => number,
  reduceRange: boolean,
): ReadonlyMap<WeightUse, Float32Array> {
  const raised = new Map<WeightUse, Float32Array>();
  for (const { node, index } of plan.biases) {
    const use = plan.weights.find((each) => each.node === node && each.index === 1)!;
    const weight = plan.scope.weight(node.input[1]!)!.tensor;
    const bias = floatsOf(plan.scope.weight(node.input[index]!)!.tensor)!;
    const bounds = channelBounds(weight.name, floatsOf(weight)!, dimsOf(weight), use.axis);
    const scales = weightScales(bounds, reduceRange);
    const input = inputScale(node.input[0]!);
    let changed = false;
    for (let i = 0; i < bias.length; i++) {
      const channel = use.axis === null ? 0 : i;
      const least = (MARGIN * Math.abs(bias[i]!)) / INT32_MAX / input;
      if (channel >= scales.length || scales[channel]! >= least || !Number.isFinite(least)) continue;
      scales[channel] = least;
      changed = true;
    }
    if (changed) raised.set(use, scales);
  }
  return raised;
}

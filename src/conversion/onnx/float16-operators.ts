import { isStandard } from './attributes.js';
import type { NodeProto } from './onnx-proto.js';

/**
 * Operators that stay in float32: the format, or the runtime on CPUs, has them in float32 only, or float16 is too coarse
 * for them. The list of onnxruntime.transformers.float16, and what makes floats from nothing or by a Fourier transform.
 */
const FLOAT32_ONLY = new Set(
  (
    'CumSum Max Min NonMaxSuppression Range RoiAlign TopK Upsample ' +
    'Bernoulli EyeLike Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike ' +
    'BlackmanWindow DFT HammingWindow HannWindow MelWeightMatrix STFT TfIdfVectorizer'
  ).split(' '),
);

/** Inputs that are float32 whatever the others are: the scales of Resize, and where it has them its regions. */
const FLOAT32_INPUTS: Readonly<Record<string, readonly number[]>> = {
  Resize: [1, 2],
  GroupNorm: [1, 2],
  SkipGroupNorm: [1, 2],
};

/** Whether an operator must stay in float32. Nothing is known of operators of other vendors. */
export function staysFloat32(node: NodeProto): boolean {
  if (node.domain === 'com.microsoft') return false;
  return !isStandard(node) || FLOAT32_ONLY.has(node.opType);
}

/** Whether an input of an operator that is converted stays in float32. */
export function isFloat32Input(node: NodeProto, index: number): boolean {
  return FLOAT32_INPUTS[node.opType]?.includes(index) ?? false;
}

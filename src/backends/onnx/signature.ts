import type { InferenceSession } from 'onnxruntime-node';
import { InfernodeError } from '../../errors.js';
import { isDType } from '../../tensor/dtype.js';
import type { Dim, Signature, ValueInfo } from '../backend.js';
import { elementType, onnxName } from './dtypes.js';
import type { GraphProto, TypeProto, ValueProto } from './onnx-schema.js';

/**
 * What a loaded model takes and gives. The runtime's word counts, for it infers shapes and leaves out inputs that have
 * an initializer; the file tells what the runtime cannot: types that are no tensors, and shapes that are not declared.
 */
export function describeSignature(
  session: InferenceSession,
  declared: Pick<GraphProto, 'input' | 'output'>,
): Signature {
  return {
    inputs: session.inputMetadata.map((metadata) => describeValue(metadata, declared.input)),
    outputs: session.outputMetadata.map((metadata) => describeValue(metadata, declared.output)),
  };
}

function describeValue(metadata: InferenceSession.ValueMetadata, declared: readonly ValueProto[]): ValueInfo {
  const { name } = metadata;
  const type = declared.find((value) => value.name === name)?.type ?? null;
  if (!metadata.isTensor || !isDType(metadata.type)) {
    return { name, kind: 'any', dtype: null, shape: null, optional: false, type: formatType(type) };
  }
  const shapeless = metadata.shape.length === 0 && type?.tensorType?.shape == null;
  return {
    name,
    kind: 'tensor',
    dtype: metadata.type,
    // An unnamed dimension has an empty name.
    shape: shapeless ? null : metadata.shape.map((dim): Dim => (dim === '' ? null : dim)),
    optional: false,
    type: `tensor(${onnxName(metadata.type)})`,
  };
}

/**
 * Refuses models that the runtime would load, or half load, but could never run: inputs and outputs whose element type
 * has no JavaScript array.
 *
 * @throws InfernodeError INF_INPUT_DTYPE, INF_OUTPUT_UNSUPPORTED
 */
export function checkElementTypes(graph: GraphProto): void {
  const given = new Set(graph.initializer.map((tensor) => tensor.name));
  for (const value of graph.input) if (!given.has(value.name)) checkElementType(value, 'INF_INPUT_DTYPE', 'Input');
  for (const value of graph.output) checkElementType(value, 'INF_OUTPUT_UNSUPPORTED', 'Output');
}

/**
 * Refuses models with an output that the runtime would lose: it collects outputs in an ordinary object, by name.
 *
 * @throws InfernodeError INF_OUTPUT_UNSUPPORTED
 */
export function checkOutputNames(graph: GraphProto): void {
  if (graph.output.every(({ name }) => name !== '__proto__')) return;
  const message = 'An output is named "__proto__", which onnxruntime-node cannot pass; rename it inside the model';
  throw new InfernodeError('INF_OUTPUT_UNSUPPORTED', message, { details: { name: '__proto__' } });
}

function checkElementType(value: ValueProto, code: 'INF_INPUT_DTYPE' | 'INF_OUTPUT_UNSUPPORTED', what: string): void {
  const number = value.type?.tensorType?.elemType ?? 0;
  if (number === 0 || elementType(number).dtype !== null) return;
  const given = formatType(value.type);
  const message = `${what} "${value.name}" is ${given}, which onnxruntime-node cannot pass; convert it to float32 or float16 inside the model`;
  throw new InfernodeError(code, message, {
    details: { name: value.name, expected: 'a supported element type', given },
  });
}

/** In the format's own words: `tensor(float)`, `sequence(map(int64, tensor(float)))`. */
function formatType(type: TypeProto | null): string {
  if (type?.tensorType) return `tensor(${elementType(type.tensorType.elemType).name})`;
  if (type?.sparseTensorType) return `sparse_tensor(${elementType(type.sparseTensorType.elemType).name})`;
  if (type?.sequenceType) return `sequence(${formatType(type.sequenceType.elemType)})`;
  if (type?.optionalType) return `optional(${formatType(type.optionalType.elemType)})`;
  if (type?.mapType) return `map(${elementType(type.mapType.keyType).name}, ${formatType(type.mapType.valueType)})`;
  return 'unknown';
}

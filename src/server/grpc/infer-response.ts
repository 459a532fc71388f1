import protobuf from 'protobufjs/minimal.js';
import type { Tensor } from '../../tensor/tensor.js';
import { datatypeOf } from '../wire/datatypes.js';
import { tensorToBytes } from '../wire/raw-tensor.js';
import { LENGTH, VARINT } from './infer-request.js';

/** A ModelInferResponse; its tensors travel as raw contents. */
export interface InferResponseMessage {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters?: Readonly<Record<string, string | boolean>>;
  readonly outputs: readonly (readonly [name: string, tensor: Tensor])[];
}

/** A ModelInferResponse as bytes. */
export function encodeInferResponse(message: InferResponseMessage): Buffer {
  return Buffer.concat(partsOf(message));
}

/** A ModelStreamInferResponse as bytes: a response, and what went wrong if something did. */
export function encodeStreamResponse(message: InferResponseMessage, error = ''): Buffer {
  const parts = partsOf(message);
  const head = protobuf.Writer.create();
  if (error !== '') head.uint32((1 << 3) | LENGTH).string(error);
  head.uint32((2 << 3) | LENGTH).uint32(parts.reduce((sum, part) => sum + part.byteLength, 0));
  return Buffer.concat([head.finish(), ...parts]);
}

/** The bytes of a response in pieces, so that tensors are copied once. */
function partsOf({ outputs, ...message }: InferResponseMessage): Uint8Array[] {
  const head = protobuf.Writer.create();
  head.uint32((1 << 3) | LENGTH).string(message.modelName);
  head.uint32((2 << 3) | LENGTH).string(message.modelVersion);
  if (message.id !== '') head.uint32((3 << 3) | LENGTH).string(message.id);
  for (const [name, value] of Object.entries(message.parameters ?? {})) writeParameter(head, name, value);
  for (const [name, tensor] of outputs) writeOutput(head, name, tensor);
  const parts = [head.finish()];
  for (const [, tensor] of outputs) {
    const bytes = tensorToBytes(tensor);
    parts.push(
      protobuf.Writer.create()
        .uint32((6 << 3) | LENGTH)
        .uint32(bytes.byteLength)
        .finish(),
      bytes,
    );
  }
  return parts;
}

function writeParameter(writer: protobuf.Writer, name: string, value: string | boolean): void {
  writer.uint32((4 << 3) | LENGTH).fork();
  writer.uint32((1 << 3) | LENGTH).string(name);
  writer.uint32((2 << 3) | LENGTH).fork();
  if (typeof value === 'boolean') writer.uint32((1 << 3) | VARINT).bool(value);
  else writer.uint32((3 << 3) | LENGTH).string(value);
  writer.ldelim().ldelim();
}

function writeOutput(writer: protobuf.Writer, name: string, { dtype, shape }: Tensor): void {
  writer.uint32((5 << 3) | LENGTH).fork();
  writer.uint32((1 << 3) | LENGTH).string(name);
  writer.uint32((2 << 3) | LENGTH).string(datatypeOf(dtype));
  if (shape.length > 0) {
    writer.uint32((3 << 3) | LENGTH).fork();
    for (const size of shape) writer.int64(size);
    writer.ldelim();
  }
  writer.ldelim();
}

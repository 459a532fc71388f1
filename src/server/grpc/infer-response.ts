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
export function encodeInferResponse(message: InferResponseMessage): Uint8Array {
  return writeResponse(protobuf.Writer.create(), message).finish();
}

/** A ModelStreamInferResponse as bytes: a response, and what went wrong if something did. */
export function encodeStreamResponse(message: InferResponseMessage, error = ''): Uint8Array {
  const writer = protobuf.Writer.create();
  if (error !== '') writer.uint32((1 << 3) | LENGTH).string(error);
  writeResponse(writer.uint32((2 << 3) | LENGTH).fork(), message).ldelim();
  return writer.finish();
}

function writeResponse(writer: protobuf.Writer, message: InferResponseMessage): protobuf.Writer {
  writer.uint32((1 << 3) | LENGTH).string(message.modelName);
  writer.uint32((2 << 3) | LENGTH).string(message.modelVersion);
  if (message.id !== '') writer.uint32((3 << 3) | LENGTH).string(message.id);
  for (const [name, value] of Object.entries(message.parameters ?? {})) {
    writer.uint32((4 << 3) | LENGTH).fork();
    writer.uint32((1 << 3) | LENGTH).string(name);
    writer.uint32((2 << 3) | LENGTH).fork();
    if (typeof value === 'boolean') writer.uint32((1 << 3) | VARINT).bool(value);
    else writer.uint32((3 << 3) | LENGTH).string(value);
    writer.ldelim().ldelim();
  }
  for (const [name, tensor] of message.outputs) {
    writer.uint32((5 << 3) | LENGTH).fork();
    writer.uint32((1 << 3) | LENGTH).string(name);
    writer.uint32((2 << 3) | LENGTH).string(datatypeOf(tensor.dtype));
    if (tensor.shape.length > 0) {
      writer.uint32((3 << 3) | LENGTH).fork();
      for (const size of tensor.shape) writer.int64(size);
      writer.ldelim();
    }
    writer.ldelim();
  }
  for (const [, tensor] of message.outputs) writer.uint32((6 << 3) | LENGTH).bytes(tensorToBytes(tensor));
  return writer;
}

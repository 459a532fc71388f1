import protobuf from 'protobufjs/minimal.js';
import { InfernodeError, messageOf } from '../../errors.js';
import type { Fields } from '../wire/fields.js';

/** An input as it was sent. */
export interface SentInput {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly parameters: Fields;
  /** The bytes of its InferTensorContents, if there is one. */
  readonly contents: Uint8Array | null;
}

/** An output that was asked for. */
export interface RequestedOutput {
  readonly name: string;
  readonly parameters: Fields;
}

/** A ModelInferRequest. */
export interface InferRequestMessage {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters: Fields;
  readonly inputs: readonly SentInput[];
  readonly outputs: readonly RequestedOutput[];
  readonly rawContents: readonly Uint8Array[];
}

// A message of a few megabytes can hold millions of empty entries, each of which becomes an object of hundreds of bytes.
export const MAX_TENSORS = 1024;
const MAX_PARAMETERS = 256;
/** What PyTorch can have. */
const MAX_DIMENSIONS = 64;

/**
 * Decodes a ModelInferRequest. Raw contents share its memory, and typed ones are left for `tensorFromContents`, which knows
 * their number: a decoder of the whole schema makes an object of every element first.
 *
 * @throws InfernodeError INF_REQUEST_INVALID
 */
export function decodeInferRequest(bytes: Uint8Array): InferRequestMessage {
  try {
    return readRequest(bytes);
  } catch (cause) {
    if (cause instanceof InfernodeError) throw cause;
    throw invalid(`The message is no ModelInferRequest: ${messageOf(cause)}`, cause);
  }
}

/** Reads the fields of a message; those that `read` does not know are skipped. */
export function eachField(bytes: Uint8Array, read: (tag: number, reader: protobuf.Reader) => unknown): void {
  const reader = protobuf.Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (read(tag, reader) === UNKNOWN) reader.skipType(tag & 7, 0, tag >>> 3);
  }
}

/** What a reader of fields returns for one that it does not know. */
export const UNKNOWN = Symbol('unknown field');

// How a value is written, the lower three bits of a tag.
export const VARINT = 0;
export const FIXED64 = 1;
export const LENGTH = 2;
export const FIXED32 = 5;

function readRequest(bytes: Uint8Array): InferRequestMessage {
  let modelName = '';
  let modelVersion = '';
  let id = '';
  const parameters = new Map<string, unknown>();
  const inputs: SentInput[] = [];
  const outputs: RequestedOutput[] = [];
  const rawContents: Uint8Array[] = [];
  eachField(bytes, (tag, reader) => {
    switch (tag) {
      case (1 << 3) | LENGTH:
        modelName = reader.string();
        return;
      case (2 << 3) | LENGTH:
        modelVersion = reader.string();
        return;
      case (3 << 3) | LENGTH:
        id = reader.string();
        return;
      case (4 << 3) | LENGTH:
        return addParameter(parameters, reader.bytes());
      case (5 << 3) | LENGTH:
        return add(inputs, readInput(reader.bytes()), MAX_TENSORS, 'inputs');
      case (6 << 3) | LENGTH:
        return add(outputs, readOutput(reader.bytes()), MAX_TENSORS, 'outputs');
      case (7 << 3) | LENGTH:
        return add(rawContents, reader.bytes(), MAX_TENSORS, 'raw_input_contents');
      default:
        return UNKNOWN;
    }
  });
  return { modelName, modelVersion, id, parameters: Object.fromEntries(parameters), inputs, outputs, rawContents };
}

function readInput(bytes: Uint8Array): SentInput {
  let name = '';
  let datatype = '';
  let contents: Uint8Array | null = null;
  const shape: number[] = [];
  const parameters = new Map<string, unknown>();
  eachField(bytes, (tag, reader) => {
    switch (tag) {
      case (1 << 3) | LENGTH:
        name = reader.string();
        return;
      case (2 << 3) | LENGTH:
        datatype = reader.string();
        return;
      case (3 << 3) | VARINT:
        return add(shape, Number(reader.int64()), MAX_DIMENSIONS, 'dimensions');
      case (3 << 3) | LENGTH: {
        const end = reader.uint32() + reader.pos;
        while (reader.pos < end) add(shape, Number(reader.int64()), MAX_DIMENSIONS, 'dimensions');
        return;
      }
      case (4 << 3) | LENGTH:
        return addParameter(parameters, reader.bytes());
      case (5 << 3) | LENGTH: {
        const more = reader.bytes();
        // The format's own rule for a message that comes in two parts.
        contents = contents === null ? more : Buffer.concat([contents, more]);
        return;
      }
      default:
        return UNKNOWN;
    }
  });
  return { name, datatype, shape, parameters: Object.fromEntries(parameters), contents };
}

function readOutput(bytes: Uint8Array): RequestedOutput {
  let name = '';
  const parameters = new Map<string, unknown>();
  eachField(bytes, (tag, reader) => {
    switch (tag) {
      case (1 << 3) | LENGTH:
        name = reader.string();
        return;
      case (2 << 3) | LENGTH:
        return addParameter(parameters, reader.bytes());
      default:
        return UNKNOWN;
    }
  });
  return { name, parameters: Object.fromEntries(parameters) };
}

function addParameter(parameters: Map<string, unknown>, entry: Uint8Array): void {
  let name = '';
  let value: unknown;
  eachField(entry, (tag, reader) => {
    if (tag === ((1 << 3) | LENGTH)) name = reader.string();
    else if (tag === ((2 << 3) | LENGTH)) value = readParameter(reader.bytes());
    else return UNKNOWN;
    return;
  });
  if (parameters.size === MAX_PARAMETERS) throw tooMany(MAX_PARAMETERS, 'parameters');
  if (value !== undefined) parameters.set(name, value);
}

/** Whole numbers beyond 2^53 are rounded: no parameter takes them. */
function readParameter(bytes: Uint8Array): unknown {
  let value: unknown;
  eachField(bytes, (tag, reader) => {
    switch (tag) {
      case (1 << 3) | VARINT:
        value = reader.bool();
        return;
      case (2 << 3) | VARINT:
        value = Number(reader.int64());
        return;
      case (3 << 3) | LENGTH:
        value = reader.string();
        return;
      case (4 << 3) | FIXED64:
        value = reader.double();
        return;
      case (5 << 3) | VARINT:
        value = Number(reader.uint64());
        return;
      default:
        return UNKNOWN;
    }
  });
  return value;
}

function add<T>(list: T[], item: T, most: number, what: string): void {
  if (list.length === most) throw tooMany(most, what);
  list.push(item);
}

function tooMany(most: number, what: string): InfernodeError {
  return invalid(`The request has more than ${most} ${what}`);
}

function invalid(message: string, cause?: unknown): InfernodeError {
  return new InfernodeError('INF_REQUEST_INVALID', message, { cause });
}

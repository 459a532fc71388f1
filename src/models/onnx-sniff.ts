import type { FileHandle } from 'node:fs/promises';

/** Protobuf wire types. */
const VARINT = 0;
const BYTES = 2;

/** The fields of ModelProto (onnx.proto) by number, with their wire type. */
const MODEL_FIELDS: ReadonlyMap<number, number> = new Map([
  [1, VARINT], // ir_version
  [2, BYTES], // producer_name
  [3, BYTES], // producer_version
  [4, BYTES], // domain
  [5, VARINT], // model_version
  [6, BYTES], // doc_string
  [7, BYTES], // graph
  [8, BYTES], // opset_import
  [14, BYTES], // metadata_props
  [20, BYTES], // training_info
  [25, BYTES], // functions
  [26, BYTES], // configuration
]);
const IR_VERSION = 1;
const GRAPH = 7;
/** Far above any published IR version (13 in 2025), far below what random bytes give. */
const MAX_IR_VERSION = 1000;
/** Metadata and functions are one field each; more than this is no model. */
const MAX_FIELDS = 100_000;

/**
 * Walks the outermost fields of a protobuf message, jumping over their contents.
 *
 * @returns `onnx` if they are a ModelProto's and the graph lies within the file, `truncated` if they are but the last one
 *   goes beyond its end, `tensorflow` for a SavedModel, `other` for anything else
 */
export async function sniffOnnx(
  file: FileHandle,
  size: number,
): Promise<'onnx' | 'truncated' | 'tensorflow' | 'other'> {
  const seen = new Set<number>();
  let position = 0;
  for (let count = 0; position < size && count < MAX_FIELDS; count++) {
    const field = await readField(file, position);
    if (field === undefined) return looksLikeModel(seen) ? 'truncated' : 'other';
    const { number, wire, value } = field;
    if (MODEL_FIELDS.get(number) !== wire) return 'other';
    if (number === IR_VERSION && (value < 1 || value > MAX_IR_VERSION)) return 'other';
    if (wire === BYTES && field.end > size) {
      return looksLikeModel(seen) || (seen.has(IR_VERSION) && number === GRAPH) ? 'truncated' : 'other';
    }
    seen.add(number);
    position = field.end;
  }
  if (seen.has(GRAPH)) return 'onnx';
  // A SavedModel has nothing but schema version (1) and meta graphs (2).
  if (seen.has(2) && [...seen].every((number) => number <= 2)) return 'tensorflow';
  return looksLikeModel(seen) ? 'truncated' : 'other';
}

/** The version and one more field of the kind a model begins with: too much for chance. */
function looksLikeModel(seen: ReadonlySet<number>): boolean {
  return seen.has(IR_VERSION) && (seen.has(2) || seen.has(GRAPH) || seen.has(8));
}

interface Field {
  readonly number: number;
  readonly wire: number;
  /** The number itself, or the length of the bytes. */
  readonly value: number;
  /** Where the next field begins. */
  readonly end: number;
}

/** Reads the tag at `position` and its number or length; undefined if it is none, or the file ends in it. */
async function readField(file: FileHandle, position: number): Promise<Field | undefined> {
  const buffer = Buffer.alloc(20);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, position);
  const tag = readVarint(buffer, 0, bytesRead);
  if (tag === undefined) return undefined;
  const value = readVarint(buffer, tag.end, bytesRead);
  if (value === undefined) return undefined;
  const wire = tag.value & 7;
  const end = position + value.end + (wire === BYTES ? value.value : 0);
  return { number: Math.floor(tag.value / 8), wire, value: value.value, end };
}

function readVarint(buffer: Buffer, start: number, limit: number): { value: number; end: number } | undefined {
  let value = 0;
  for (let index = start; index < Math.min(limit, start + 10); index++) {
    const byte = buffer[index]!;
    value += (byte & 0x7f) * 2 ** (7 * (index - start));
    if (byte < 0x80) return { value, end: index + 1 };
  }
  return undefined;
}

import { randomUUID } from 'node:crypto';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { InfernodeError, messageOf } from '../../errors.js';
import { weightBytes } from './graph-scope.js';
import { encodeOnnx, type ModelProto, type TensorProto } from './onnx-proto.js';

/** A protobuf message must stay below 2 GiB; the rest of a model is small beside its weights. */
const MOST_INLINE = 2 ** 31 - 2 ** 26;

/** Smaller weights stay in the model's file, as other tools keep them. */
const LEAST_EXTERNAL = 1024;

/** Offsets at which memory can be mapped on every platform; ONNX asks for it in its description of external data. */
const ALIGNMENT = 64 * 1024;

/** Node writes less than 2 GiB at once. */
const MOST_AT_ONCE = 2 ** 30;

/**
 * Writes a model: whole, or not at all. It is written under another name in the same folder, brought to the disk, and
 * renamed. Weights of a model of 2 GiB and more go to `NAME.data` beside it. Returns the bytes written.
 *
 * @throws InfernodeError INF_CONVERSION_FAILED where the folder cannot be written or the disk is full; the target is
 * what it was before
 */
export async function writeModel(path: string, model: ModelProto, mostInline = MOST_INLINE): Promise<number> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  const data = `${path}.data`;
  const written: string[] = [];
  try {
    let bytes = 0;
    const external = weightBytes(model.graph) > mostInline;
    const message = external ? await moveWeights(model, data, `${data}.${randomUUID()}.tmp`, written) : model;
    const encoded = encodeOnnx(message);
    written.push(temporary);
    await writeFile(temporary, async (file) => {
      bytes += await append(file, encoded);
    });
    if (external) {
      bytes += weightBytes(model.graph);
      await rename(written[0]!, data);
    }
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return bytes;
  } catch (cause) {
    for (const each of written) await rm(each, { force: true }).catch(() => {});
    if (cause instanceof InfernodeError) throw cause;
    throw new InfernodeError('INF_CONVERSION_FAILED', `${path} cannot be written: ${messageOf(cause)}`, {
      cause,
      details: { path, given: (cause as NodeJS.ErrnoException).code ?? '' },
    });
  }
}

/** Writes the weights to a file; gives a model that names their places there. */
async function moveWeights(model: ModelProto, data: string, temporary: string, written: string[]): Promise<ModelProto> {
  const original = new Map<TensorProto, Uint8Array>();
  written.push(temporary);
  let end = 0;
  await writeFile(temporary, async (file) => {
    for (const tensor of model.graph.initializer) {
      const raw = tensor.rawData;
      if (raw == null || raw.length < LEAST_EXTERNAL) continue;
      const offset = Math.ceil(end / ALIGNMENT) * ALIGNMENT;
      await append(file, raw, offset);
      end = offset + raw.length;
      original.set(tensor, raw);
      tensor.externalData = [
        { key: 'location', value: basename(data) },
        { key: 'offset', value: String(offset) },
        { key: 'length', value: String(raw.length) },
      ];
    }
  });
  return withoutData(model, original);
}

/** The model with those weights' places instead of their bytes; the caller's model keeps its bytes. */
function withoutData(model: ModelProto, original: ReadonlyMap<TensorProto, Uint8Array>): ModelProto {
  const initializer = model.graph.initializer.map((tensor) => {
    if (!original.has(tensor)) return tensor;
    const { rawData: _, ...rest } = tensor;
    const place = { ...rest, dataLocation: 1 } as TensorProto;
    tensor.externalData = [];
    return place;
  });
  return { ...model, graph: { ...model.graph, initializer } };
}

async function writeFile(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await write(file);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function append(file: FileHandle, bytes: Uint8Array, position = 0): Promise<number> {
  let done = 0;
  while (done < bytes.length) {
    const count = Math.min(bytes.length - done, MOST_AT_ONCE);
    const { bytesWritten } = await file.write(bytes, done, count, position + done);
    done += bytesWritten;
  }
  return done;
}

/** A rename is on the disk only when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(join(folder, '.'));
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

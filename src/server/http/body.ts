import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
import type { ByteBudget } from '../../engine/batching/byte-budget.js';
import { InfernodeError } from '../../errors.js';
import { BufferPool } from '../../tensor/buffer-pool.js';
import { HttpError } from './problem.js';

const ALIGNMENT = 8;
/** The room that a body begins with, whatever size it announces, and how much larger it becomes than what has come. */
const BELIEVED = 64 * 1024;
const GROWTH = 16;

/** What bodies are read into. */
const pool = new BufferPool(1 << 26);

/**
 * Reads a body, decompressed. It lies in memory so that what comes after the JSON object, the data of the first binary
 * tensor, is aligned for every dtype and need not be copied.
 *
 * @param limit bytes, compressed and decompressed
 * @param arriving what all bodies may hold that have not come to their end
 * @throws InfernodeError INF_REQUEST_TOO_LARGE, INF_REQUEST_INVALID, INF_QUEUE_FULL
 */
export async function readBody(
  stream: Readable,
  headers: IncomingHttpHeaders,
  limit: number,
  arriving: ByteBudget,
): Promise<Buffer> {
  const length = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
  if (length !== undefined && length > limit) throw tooLarge(limit);
  const encoding = headers['content-encoding']?.toLowerCase();
  const skip = alignment(headers);
  if (encoding === undefined || encoding === 'identity') return collect(stream, skip, { length, limit, arriving });
  return collect(decompressed(stream, encoding), skip, { length: undefined, limit, arriving });
}

/** The bytes of the JSON object of a request; undefined without the header. @throws InfernodeError INF_REQUEST_INVALID */
export function headerLengthOf(headers: IncomingHttpHeaders): number | undefined {
  const given = headers['inference-header-content-length'];
  if (given === undefined) return undefined;
  const length = Number(given);
  if (typeof given !== 'string' || !/^\d{1,15}$/.test(given)) {
    throw new InfernodeError('INF_REQUEST_INVALID', 'Inference-Header-Content-Length must be a number of bytes', {
      details: { name: 'Inference-Header-Content-Length', expected: 'a number of bytes', given: String(given) },
    });
  }
  return length;
}

/** How many bytes to leave free so that the binary data is aligned. A header that is none is refused later. */
function alignment(headers: IncomingHttpHeaders): number {
  const length = Number(headers['inference-header-content-length'] ?? 0);
  return Number.isSafeInteger(length) && length > 0 ? (ALIGNMENT - (length % ALIGNMENT)) % ALIGNMENT : 0;
}

function decompressed(stream: Readable, encoding: string): Readable {
  const unpack =
    encoding === 'gzip' || encoding === 'x-gzip'
      ? createGunzip()
      : encoding === 'deflate'
        ? createInflate()
        : undefined;
  if (unpack === undefined) throw new HttpError(415, 'Content-Encoding must be gzip, deflate or identity');
  stream.on('error', (error) => unpack.destroy(error));
  return stream.pipe(unpack);
}

interface Limits {
  /** The size that was announced, undefined if none was. */
  readonly length: number | undefined;
  readonly limit: number;
  readonly arriving: ByteBudget;
}

function collect(stream: Readable, skip: number, { length, limit, arriving }: Limits): Promise<Buffer> {
  // Small bodies are not counted: they must come through whatever large ones there are.
  let counted = 0;
  return new Promise<Buffer>((resolve, reject) => {
    const most = skip + (length ?? limit);
    let buffer = allocate(Math.min(most, skip + BELIEVED));
    let end = skip;
    const fail = (error: Error) => {
      stream.removeListener('data', onData);
      // What is still to come is thrown away.
      stream.resume();
      reject(error);
    };
    const onData = (chunk: Buffer) => {
      const needed = end + chunk.length;
      if (needed - skip > limit) return fail(tooLarge(limit));
      if (needed > buffer.length) {
        // A size that was announced costs memory only as its bytes come.
        const size = Math.max(needed, Math.min(GROWTH * buffer.length, most));
        if (!arriving.take(size - counted)) return fail(tooMany(arriving));
        counted = size;
        const grown = allocate(size);
        buffer.copy(grown, 0, 0, end);
        releaseBody(buffer);
        buffer = grown;
      }
      end += chunk.copy(buffer, end);
    };
    stream.on('data', onData);
    stream.once('end', () => resolve(buffer.subarray(skip, end)));
    stream.once('error', (error) => fail(streamError(error)));
    stream.once('close', () => {
      if (!stream.readableEnded) fail(new HttpError(400, 'The body ended early'));
    });
  }).finally(() => arriving.give(counted));
}

/** Gives the memory of a body back, once nobody reads it any more. */
export function releaseBody(body: Buffer): void {
  if (body.buffer.byteLength >= BELIEVED) pool.give(body.buffer as ArrayBuffer);
}

/** Small bodies lie in Node's pool, whose pieces are aligned. */
function allocate(bytes: number): Buffer {
  if (bytes >= BELIEVED) return Buffer.from(pool.take(bytes), 0, bytes);
  const buffer = Buffer.allocUnsafe(bytes);
  return buffer.byteOffset % ALIGNMENT === 0 ? buffer : Buffer.allocUnsafeSlow(bytes);
}

function streamError(error: NodeJS.ErrnoException): Error {
  const unpacking = error.code?.startsWith('Z_') || error.code === 'ERR_ZLIB_INITIALIZATION_FAILED';
  return new HttpError(400, unpacking ? 'The body is not what its Content-Encoding says' : 'The body ended early');
}

/** Where many large bodies come at once, or few that stall. */
function tooMany({ limit }: ByteBudget): InfernodeError {
  const message = `Bodies that are under way hold ${limit} bytes already, which is the limit`;
  return new InfernodeError('INF_QUEUE_FULL', message, { details: { retryAfterMs: 1000 } });
}

function tooLarge(limit: number): InfernodeError {
  return new InfernodeError('INF_REQUEST_TOO_LARGE', `The body must have at most ${limit} bytes, decompressed`, {
    details: { expected: `at most ${limit} bytes` },
  });
}

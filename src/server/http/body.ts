import type { IncomingHttpHeaders } from 'node:http';
import type { Readable } from 'node:stream';
import { createGunzip, createInflate } from 'node:zlib';
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
 * @throws InfernodeError INF_REQUEST_TOO_LARGE, INF_REQUEST_INVALID
 */
export async function readBody(stream: Readable, headers: IncomingHttpHeaders, limit: number): Promise<Buffer> {
  const length = headers['content-length'] === undefined ? undefined : Number(headers['content-length']);
  if (length !== undefined && length > limit) throw tooLarge(limit);
  const encoding = headers['content-encoding'];
  const skip = alignment(headers);
  if (encoding === undefined || encoding === 'identity') return collect(stream, skip, length, limit);
  return collect(decompressed(stream, encoding), skip, undefined, limit);
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
  const unpack = encoding === 'gzip' ? createGunzip() : encoding === 'deflate' ? createInflate() : undefined;
  if (unpack === undefined) throw new HttpError(415, 'Content-Encoding must be gzip, deflate or identity');
  stream.on('error', (error) => unpack.destroy(error));
  return stream.pipe(unpack);
}

function collect(stream: Readable, skip: number, length: number | undefined, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
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
        const grown = allocate(Math.max(needed, Math.min(GROWTH * buffer.length, most)));
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
  });
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

function tooLarge(limit: number): InfernodeError {
  return new InfernodeError('INF_REQUEST_TOO_LARGE', `The body must have at most ${limit} bytes, decompressed`, {
    details: { expected: `at most ${limit} bytes` },
  });
}

import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ByteBudget } from '#src/engine/batching/byte-budget';
import { headerLengthOf, readBody } from '#src/server/http/body';
import { rejects, throws } from '../../../support/expect-error.js';

const random = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31) % 251));

const read = (stream: Readable, headers: IncomingHttpHeaders, limit: number, arriving = new ByteBudget(1e9)) =>
  readBody(stream, headers, limit, arriving);

describe('a body', () => {
  test('comes together from pieces of any size, with and without a length', async () => {
    for (const size of [7, 1000, 65_536, 300_000]) {
      const pieces = Array.from({ length: Math.ceil(random.length / size) }, (_, index) =>
        random.subarray(index * size, (index + 1) * size),
      );
      for (const headers of [{}, { 'content-length': String(random.length) }]) {
        assert.deepEqual(await read(Readable.from(pieces), headers, 300_000), random);
      }
    }
    assert.equal((await read(Readable.from([]), {}, 10)).length, 0);
  });

  test('beyond the limit is refused, by its length, its bytes, or what it unpacks to', async () => {
    const body = () => Readable.from([random]);
    await rejects(read(body(), { 'content-length': '300000' }, 299_999), 'INF_REQUEST_TOO_LARGE', '299999');
    await rejects(read(body(), {}, 299_999), 'INF_REQUEST_TOO_LARGE');
    const packed = gzipSync(random);
    assert.ok(packed.length < 299_999);
    const gzip = { 'content-encoding': 'gzip', 'content-length': String(packed.length) };
    await rejects(read(Readable.from([packed]), gzip, 299_999), 'INF_REQUEST_TOO_LARGE');
    assert.deepEqual(await read(Readable.from([packed]), gzip, 300_000), random);
  });

  test('that is cut off or packed wrongly is refused', async () => {
    const gzip = { 'content-encoding': 'gzip' };
    await rejects(read(Readable.from([Buffer.from('none')]), gzip, 100), 'INF_REQUEST_INVALID', 'Content-Encoding');
    await rejects(read(Readable.from([gzipSync('x').subarray(0, 12)]), gzip, 100), 'INF_REQUEST_INVALID');
    await rejects(read(Readable.from([]), { 'content-encoding': 'br' }, 100), 'INF_REQUEST_INVALID', 'gzip');
    for (const headers of [{}, gzip]) {
      const broken = new Readable({ read() {} });
      const reading = read(broken, headers, 100);
      broken.push('[');
      broken.destroy(new Error('gone'));
      await rejects(reading, 'INF_REQUEST_INVALID', 'early');
    }
  });
});

test('large bodies that stall leave room for small ones, and a limit for all', async () => {
  const arriving = new ByteBudget(700_000);
  const stalled = [1, 2].map(() => {
    const stream = new Readable({ read() {} });
    const body = read(stream, { 'content-length': '300000' }, 1e6, arriving);
    stream.push(random.subarray(0, 200_000));
    return { stream, body };
  });
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(arriving.used, 600_000);
  await rejects(read(Readable.from([random]), {}, 1e6, arriving), 'INF_QUEUE_FULL', '700000');
  assert.equal((await read(Readable.from([random.subarray(0, 1000)]), {}, 1e6, arriving)).length, 1000);
  for (const { stream, body } of stalled) {
    stream.push(random.subarray(200_000));
    stream.push(null);
    assert.deepEqual(await body, random);
  }
  assert.equal(arriving.used, 0);
  assert.deepEqual(await read(Readable.from([random]), {}, 1e6, arriving), random);
});

test('the header length is a number of bytes or nothing', () => {
  const name = 'inference-header-content-length';
  assert.equal(headerLengthOf({}), undefined);
  assert.equal(headerLengthOf({ [name]: '0' }), 0);
  assert.equal(headerLengthOf({ [name]: '123' }), 123);
  for (const given of ['', '-1', '1.5', '1, 2', '1e3', '9'.repeat(16)]) {
    throws(() => headerLengthOf({ [name]: given }), 'INF_REQUEST_INVALID', 'Inference-Header-Content-Length');
  }
});

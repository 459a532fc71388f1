import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { encodeModel, identity } from '../support/onnx-builder.js';
import {
  ask,
  assertProblem,
  assertServes,
  binaryBody,
  input,
  rawExchange,
  type Serving,
  serve,
  statusOf,
  TINY,
} from '../support/serving.js';
import { makeFolder } from '../unit/support/files.js';

const INFER = '/v2/models/tiny/infer';
const infer = (
  { url }: Serving,
  body: unknown,
  headers: Record<string, string> = { 'content-type': 'application/json' },
) => ask(url + INFER, 'POST', body, headers);

/** Numbers from 0 to 1, the same in every run. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What a client may do wrong, or the server cannot do; anything else is a bug. */
const DOCUMENTED = [200, 400, 401, 403, 404, 405, 408, 413, 414, 415, 431, 501, 503];

describe('paths', () => {
  const PATHS = [
    '/',
    '/v2',
    '/v2/',
    '/v2//',
    '/V2',
    '/v2/models/tiny',
    '/v2/models/tiny/',
    '/v2/models/tiny/infer',
    '/v2/models/tiny/versions/v1',
    '/v2/models/tiny/versions/0/infer',
    '/v2/models/tiny/versions/-1',
    '/v2/models/tiny/versions/99999999999999999999',
    '/v2/models/tiny/config',
    '/v2/models/tiny/stats',
    '/v2/models/tiny/ready',
    '/v2/models/../models/tiny',
    '/v2/models/%2e%2e%2fetc/config',
    '/v2/models/%00/infer',
    '/v2/models/%0d%0aX-Evil:%201/infer',
    `/v2/models/${'a'.repeat(257)}`,
    `/v2/models/${'a'.repeat(5000)}`,
    '/v2/models/%zz/infer',
    '/v2/models/%c0%ae/infer',
    '/v2/models//infer',
    '/v2/models/%20/infer',
    '/v2/models/..%5c..%5cx/infer',
    '/v2/models/__proto__/infer',
    '/v2/models/constructor/stats',
    '/v2/health/ready',
    '/v2/health/live',
    '/v2/repository/index',
    '/v2/repository/models/..%2f..%2fetc/load',
    '/v2/repository/models/%2e%2e/unload',
    '/v2/systemsharedmemory/status',
    '/v2/cudasharedmemory/region/xx/register',
    '/docs/..%2f..%2fpackage.json',
    '/docs/static/..%2f..%2f..%2fpackage.json',
    '/docs/static/%2e%2e/%2e%2e/package.json',
    '/metrics',
    '/metrics?x=%zz',
    '*',
    'http://evil.example/v2',
  ];
  const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'];

  test('of every shape, by every method, with HTTP of every version, get a documented answer', async (t) => {
    const serving = await serve(t, TINY);
    for (const path of PATHS) {
      for (const method of METHODS) {
        const received = await rawExchange(
          serving.port,
          `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
        );
        const status = statusOf(received);
        // Node.js closes the connection of a CONNECT that nobody listens for.
        if (method === 'CONNECT' && status === 0) continue;
        assert.ok(
          DOCUMENTED.includes(status) || [204, 302, 304].includes(status),
          `${method} ${path}: ${received}`.slice(0, 500),
        );
        assert.doesNotMatch(received, /X-Evil: 1\r\n|"version": "|node_modules|\.[jt]s:\d/, `${method} ${path}`);
      }
    }
    for (const line of ['GET /v2 HTTP/9.9', 'GET /v2', 'G\0T /v2 HTTP/1.1', 'GET /v2 HTTP/1.1 x', '\r\n\r\n', '{}']) {
      const received = await rawExchange(serving.port, `${line}\r\nHost: localhost\r\n\r\n`);
      assert.ok([0, 200, 400, 505].includes(statusOf(received)), `${line}: ${received}`);
      if (statusOf(received) === 400) assert.match(received, /\{"error":"The request is not HTTP"\}$/);
    }
    await assertServes(serving.url);
  });

  test('that are no names of models are refused before anything is looked up', async (t) => {
    const { url, engine } = await serve(t, TINY);
    const looked = t.mock.method(engine, 'model');
    const loaded = t.mock.method(engine, 'loadModel');
    for (const name of ['..', '%2e%2e', '..%2fx', 'a%2fb', 'a%5cb', '%00', 'a%0ab', '%20', '%20a', 'a'.repeat(257)]) {
      // fetch resolves dots itself.
      const path = `/v2/models/${name}/ready`;
      if (name !== '..' && name !== '%2e%2e') assertProblem(await ask(url + path), 400, 'INF_REQUEST_INVALID');
      const load = await ask(`${url}/v2/repository/models/${name}/load`, 'POST', {});
      assert.ok([400, 404, 405].includes(load.status), `${name}: ${load.status}`);
    }
    assert.equal(looked.mock.callCount() + loaded.mock.callCount(), 0);
    assertProblem(await ask(`${url}/v2/models/none/ready`), 404, 'INF_MODEL_NOT_FOUND');
    assertProblem(await ask(`${url}/v2/models/tiny/versions/2/ready`), 404, 'INF_MODEL_NOT_FOUND');
    assertProblem(await ask(`${url}/v2/models/tiny/versions/01/ready`), 400, 'INF_REQUEST_INVALID');
  });
});

describe('bodies', () => {
  test('of random bytes, with and without binary data, are refused', async (t) => {
    const serving = await serve(t, TINY);
    const random = randomFrom(7);
    for (let round = 0; round < 200; round++) {
      const body = Buffer.from(Array.from({ length: Math.floor(random() * 400) }, () => Math.floor(random() * 256)));
      // From 1, for a length of 0 makes any four bytes a good request.
      const length = String(1 + Math.floor(random() * 500));
      const headers =
        round % 2 ? { 'inference-header-content-length': length } : { 'content-type': 'application/json' };
      assertProblem(await infer(serving, body, headers), 400, 'INF_REQUEST_INVALID');
    }
    await assertServes(serving.url);
  });

  test('that are mutations of a good request never break the server', async (t) => {
    const serving = await serve(t, TINY);
    const random = randomFrom(11);
    const { body, headers } = binaryBody(
      {
        id: '1',
        parameters: { priority: 1, timeout: 10_000_000 },
        inputs: [{ name: 'x', datatype: 'FP32', shape: [3], parameters: { binary_data_size: 12 } }],
        outputs: [{ name: 'output', parameters: { binary_data: true, classification: 2 } }],
      },
      Buffer.from(Float32Array.of(1, 2, 3).buffer),
    );
    for (let round = 0; round < 400; round++) {
      const mutated = Buffer.from(body);
      for (let flips = 0; flips < 3; flips++) mutated[Math.floor(random() * body.length)] = Math.floor(random() * 256);
      const { status, bytes } = await infer(serving, mutated, headers);
      assert.ok([200, 400, 501].includes(status), `${status} ${bytes} for ${mutated.toString('latin1')}`);
    }
    await assertServes(serving.url);
  });

  const HEADER_LENGTHS = ['-1', '99999999999', '9999999999999999999999', 'abc', '1e2', ' ', '0x10', '1, 2', '1.5'];

  test('with a header length that is none, or beyond the body, are refused', async (t) => {
    const serving = await serve(t, TINY);
    const { body } = binaryBody({ inputs: [input('x', 'FP32', [1], [1])] });
    for (const length of HEADER_LENGTHS) {
      const headers = { 'content-type': 'application/octet-stream', 'inference-header-content-length': length };
      assertProblem(await infer(serving, body, headers), 400, 'INF_REQUEST_INVALID', /Inference-Header-Content-Length/);
    }
    const short = { 'content-type': 'application/json', 'inference-header-content-length': String(body.length - 1) };
    assertProblem(await infer(serving, body, short), 400, 'INF_REQUEST_INVALID', /not JSON/);
    await assertServes(serving.url);
  });

  test('whose binary data and sizes do not add up are refused', async (t) => {
    const serving = await serve(t, TINY);
    const sized = (size: unknown, data = 4, shape: unknown[] = [1], datatype = 'FP32') =>
      binaryBody(
        { inputs: [{ name: 'x', datatype, shape, parameters: { binary_data_size: size } }] },
        Buffer.alloc(data, 0xff),
      );
    for (const [what, { body, headers }] of Object.entries({
      'more than there is': sized(8),
      'less than there is': sized(0, 4, [0]),
      negative: sized(-4),
      'no number': sized('4'),
      fraction: sized(4.5),
      huge: sized(2 ** 53),
      'shape of other bytes': sized(4, 4, [2]),
      'string past the end': sized(4, 4, [1], 'BYTES'),
      'string cut off': sized(3, 3, [1], 'BYTES'),
      'no boolean': sized(1, 1, [1], 'BOOL'),
    })) {
      const answer = await infer(serving, body, headers);
      assert.equal(answer.status, 400, `${what}: ${answer.bytes}`);
    }
    await assertServes(serving.url);
  });

  const SHAPES: unknown[] = [
    [2 ** 4, 2 ** 60 + 2],
    [2 ** 2, 2 ** 60 + 2],
    [2 ** 53],
    [1e308],
    [-1],
    [-3, -1],
    [1.5],
    ['1'],
    [null],
    [[1]],
    {},
    '3',
    3,
    null,
    new Array(65).fill(1),
    new Array(100_000).fill(1),
  ];

  test('with shapes that are none, or overflow, are refused', async (t) => {
    const serving = await serve(t, TINY);
    for (const shape of SHAPES) {
      const answer = await infer(serving, { inputs: [input('x', 'FP32', shape as number[], [1])] });
      assert.equal(answer.status, 400, `${JSON.stringify(shape).slice(0, 80)}: ${answer.bytes}`);
    }
    // -1 is lost on the way, overflow in 64 bits comes to 32 bytes.
    const text = '{"inputs":[{"name":"x","datatype":"FP32","shape":[4,4611686018427387906],"data":[1,2,3,4,5,6,7,8]}]}';
    assert.equal((await infer(serving, text)).status, 400);
    await assertServes(serving.url);
  });

  test('that lack what they need, or have it twice, are refused', async (t) => {
    const serving = await serve(t, TINY);
    const x = input('x', 'FP32', [1], [1]);
    const BAD: [unknown, string, RegExp][] = [
      [[], 'INF_REQUEST_INVALID', /object/],
      ['null', 'INF_REQUEST_INVALID', /object/],
      ['', 'INF_REQUEST_INVALID', /JSON/],
      [{}, 'INF_REQUEST_INVALID', /inputs/],
      [{ inputs: {} }, 'INF_REQUEST_INVALID', /inputs/],
      [{ inputs: [null] }, 'INF_REQUEST_INVALID', /inputs\[0\]/],
      [{ inputs: [] }, 'INF_INPUT_MISSING', /x/],
      [{ inputs: [x, x] }, 'INF_REQUEST_INVALID', /unique/],
      [{ inputs: [x, input('y', 'FP32', [1], [1])] }, 'INF_INPUT_UNKNOWN', /y/],
      [{ inputs: [input('__proto__', 'FP32', [1], [1])] }, 'INF_INPUT_UNKNOWN', /__proto__/],
      [{ inputs: [input('', 'FP32', [1], [1])] }, 'INF_REQUEST_INVALID', /name/],
      [{ inputs: [input('x', 'fp32', [1], [1])] }, 'INF_REQUEST_INVALID', /datatype/],
      [{ inputs: [input('x', 'INT8', [1], [1])] }, 'INF_INPUT_DTYPE', /x/],
      [{ inputs: [input('x', 'INT8', [1], [300])] }, 'INF_TENSOR_DATA', /127/],
      [{ inputs: [input('x', 'FP32', [1, 1], [1])] }, 'INF_INPUT_SHAPE', /x/],
      [{ inputs: [input('x', 'FP32', [2], [1])] }, 'INF_TENSOR_DATA', /2 elements/],
      [{ inputs: [input('x', 'FP32', [1], [null])] }, 'INF_TENSOR_DATA', /number/],
      [{ inputs: [input('x', 'FP32', [1], ['a'])] }, 'INF_TENSOR_DATA', /number/],
      [{ inputs: [input('x', 'FP32', [2, 1], [[1], 2])] }, 'INF_TENSOR_DATA', /ragged/],
      [{ inputs: [input('x', 'FP32', [1], undefined)] }, 'INF_REQUEST_INVALID', /data/],
      [{ inputs: [{ ...x, parameters: { binary_data_size: 4 } }] }, 'INF_REQUEST_INVALID', /both|data/],
      [{ inputs: [x], outputs: [{ name: 'output' }, { name: 'output' }] }, 'INF_REQUEST_INVALID', /unique/],
      [{ inputs: [x], outputs: [{ name: 'nope' }] }, 'INF_OUTPUT_UNKNOWN', /nope/],
      [{ inputs: [x], outputs: [{ name: 'toString' }] }, 'INF_OUTPUT_UNKNOWN', /toString/],
      [
        { inputs: [x], outputs: [{ name: 'output', parameters: { classification: -1 } }] },
        'INF_REQUEST_INVALID',
        /classification/,
      ],
      [{ inputs: [x], id: 7 }, 'INF_REQUEST_INVALID', /id/],
      [{ inputs: [x], parameters: [] }, 'INF_REQUEST_INVALID', /parameters/],
      [{ inputs: [x], parameters: { priority: -1 } }, 'INF_REQUEST_INVALID', /priority/],
      [{ inputs: [x], parameters: { priority: 10 } }, 'INF_REQUEST_INVALID', /priority.*from 1 to 9/],
      [{ inputs: [x], parameters: { timeout: 'soon' } }, 'INF_REQUEST_INVALID', /timeout/],
      [{ inputs: [x], parameters: { triton_final_response: true } }, 'INF_REQUEST_INVALID', /reserved/],
    ];
    for (const [body, code, says] of BAD) assertProblem(await infer(serving, body), 400, code, says);
    const unsupported = [
      { inputs: [x], parameters: { sequence_id: 3 } },
      { inputs: [{ ...x, parameters: { shared_memory_region: 'r' } }] },
      { inputs: [x], outputs: [{ name: 'output', parameters: { shared_memory_region: 'r' } }] },
    ];
    for (const body of unsupported) assertProblem(await infer(serving, body), 501, 'INF_REQUEST_UNSUPPORTED');
    await assertServes(serving.url);
  });

  test('that nest deeply are refused, wherever JSON is read', async (t) => {
    const serving = await serve(t, TINY);
    for (const depth of [101, 250_000]) {
      const deep = '['.repeat(depth) + ']'.repeat(depth);
      assertProblem(await infer(serving, `{"inputs":${deep}}`), 400, 'INF_REQUEST_INVALID', /deeper/);
      const json = { 'content-type': 'application/json' };
      const index = await ask(`${serving.url}/v2/repository/index`, 'POST', `{"ready":${deep}}`, json);
      assertProblem(index, 400, 'INF_REQUEST_INVALID', /deeper/);
      const config = { parameters: { config: `{"inputs":${deep}}` } };
      assertProblem(
        await ask(`${serving.url}/v2/repository/models/tiny/load`, 'POST', config),
        400,
        'INF_REQUEST_INVALID',
        /deeper/,
      );
    }
    await assertServes(serving.url);
  });

  test('of more tensors or bytes than allowed are refused, packed ones too', async (t) => {
    const serving = await serve(t, TINY, { bodyLimit: 100_000, maxTensors: 4 });
    const many = Array.from({ length: 5 }, (_, index) => input(`x${index}`, 'FP32', [1], [1]));
    assertProblem(await infer(serving, { inputs: many }), 400, 'INF_REQUEST_INVALID', /inputs/);
    const outputs = many.map((_, index) => ({ name: `o${index}` }));
    assertProblem(await infer(serving, { inputs: [many[0]], outputs }), 400, 'INF_REQUEST_INVALID', /outputs/);

    const head = `POST ${INFER} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n`;
    const announced = await rawExchange(serving.port, `${head}Content-Length: 100001\r\n\r\n`);
    assert.equal(statusOf(announced), 413);
    const chunk = `c350\r\n${' '.repeat(50_000)}\r\n`;
    const flood = await rawExchange(
      serving.port,
      `${head}Transfer-Encoding: chunked\r\n\r\n`,
      chunk,
      chunk,
      chunk,
      '0\r\n\r\n',
    );
    assert.equal(statusOf(flood), 413);
    assert.match(flood, /x-infernode-code: INF_REQUEST_TOO_LARGE/i);
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    assert.ok(bomb.length < 100_000);
    const answer = await infer(serving, bomb, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    assertProblem(answer, 413, 'INF_REQUEST_TOO_LARGE');
    await assertServes(serving.url);
  });

  test('in 65,536 chunks of one byte are read', async (t) => {
    const serving = await serve(t, TINY);
    const json = JSON.stringify({ inputs: [input('x', 'FP32', [1], [20])] }).padEnd(65_536);
    const chunks = Array.from(json, (character) => `1\r\n${character}\r\n`).join('');
    const received = await rawExchange(
      serving.port,
      `POST ${INFER} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`,
    );
    assert.equal(statusOf(received), 200);
    assert.match(received, /"data":\[41\]/);
  });
});

describe('connections', () => {
  test('of clients that send too slowly are closed', async (t) => {
    const serving = await serve(t, TINY, { requestTimeoutMs: 1500, headersTimeoutMs: 700 });
    const [headers, body] = await Promise.all([
      rawExchange(serving.port, `POST ${INFER} HTTP/1.1\r\nHost: local`),
      rawExchange(serving.port, `POST ${INFER} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{`),
    ]);
    assert.equal(statusOf(headers), 408);
    assert.match(headers, /\{"error":"The request took too long to come"\}/);
    assert.ok([400, 408].includes(statusOf(body)), body);
    await assertServes(serving.url);
  });

  test('of clients that do not read their answer are closed', async (t) => {
    const folder = await makeFolder(t, { 'm.onnx': encodeModel(identity('float32')) });
    const serving = await serve(t, { ...TINY, m: join(folder, 'm.onnx') }, { requestTimeoutMs: 1000 });
    const size = 10_000_000;
    const { body, headers } = binaryBody(
      {
        inputs: [{ name: 'x', datatype: 'FP32', shape: [size], parameters: { binary_data_size: 4 * size } }],
        parameters: { binary_data_output: true },
      },
      Buffer.alloc(4 * size),
    );
    const socket = connect(serving.port, '127.0.0.1').on('error', () => {});
    t.after(() => socket.destroy());
    const lines = Object.entries({ host: 'localhost', 'content-length': body.length, ...headers }).map((pair) =>
      pair.join(': '),
    );
    socket.write(`POST /v2/models/m/infer HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
    socket.write(body);
    const { server } = serving.server.app;
    const connections = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
    while ((await connections()) === 0) await sleep(10);
    while ((await connections()) > 0) await sleep(10);
    await assertServes(serving.url);
  });

  test('beyond the most that are allowed are refused, the others go on', async (t) => {
    const serving = await serve(t, TINY, { maxConnections: 3 });
    const idle = Array.from({ length: 8 }, () => connect(serving.port, '127.0.0.1').on('error', () => {}));
    t.after(() => {
      for (const socket of idle) socket.destroy();
    });
    while (idle.filter((socket) => socket.closed).length < 5) await sleep(10);
    assert.equal(idle.filter((socket) => socket.closed).length, 5);
    for (const socket of idle) socket.destroy();
    await sleep(50);
    await assertServes(serving.url);
  });

  test('that break off in the middle of a body leave nothing behind', async (t) => {
    const serving = await serve(t, TINY);
    for (let round = 0; round < 50; round++) {
      const socket = connect(serving.port, '127.0.0.1');
      const head = `POST ${INFER} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\nContent-Encoding: ${round % 2 ? 'gzip' : 'identity'}\r\n\r\n`;
      socket.write(`${head}{"inputs"`, () => socket.destroy());
      await new Promise((resolve) => socket.once('close', resolve));
    }
    await assertServes(serving.url);
  });

  test('with headers that are too large, smuggled or doubled are refused', async (t) => {
    const { port, url } = await serve(t, TINY);
    const post = (headers: string, body = '') =>
      rawExchange(port, `POST ${INFER} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n${body}`);
    const large = await post(`X-Large: ${'a'.repeat(20_000)}\r\n`);
    assert.equal(statusOf(large), 431);
    assert.match(large, /\{"error":"The headers are too large"\}/);
    assert.equal(
      statusOf(await post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\nGET /v2 HTTP/1.1\r\n\r\n')),
      400,
    );
    assert.equal(statusOf(await post('Content-Length: 5\r\nContent-Length: 6\r\n', 'xxxxxx')), 400);
    assert.equal(statusOf(await post('Content-Length: -5\r\n')), 400);
    assert.equal(statusOf(await post('Transfer-Encoding: chunked\r\n', 'zz\r\n')), 400);
    await assertServes(url);
  });
});

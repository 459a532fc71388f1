import assert from 'node:assert/strict';
import { request } from 'node:http';
import { describe, test } from 'node:test';
import { createServer, Engine, type ServerOptions } from 'infernode/server';
import { rejects } from '../support/expect-error.js';
import { ask, assertProblem, assertServes, input, rawExchange, serve, statusOf, TINY } from '../support/serving.js';

const KEYS = ['first-key', 'second-key'];
const REQUEST = { inputs: [input('x', 'FP32', [1], [1])] };

describe('API keys', () => {
  test('are asked for at every path, in every way to write it, but for health', async (t) => {
    const { port, url } = await serve(t, TINY, { apiKeys: KEYS });
    const paths = [
      '/v2',
      '/v2/',
      '//v2',
      '/V2',
      '/%762',
      '/v2/models/tiny',
      '/v2/models/tiny/',
      '/v2/models/%74iny/infer',
      '/v2/models/tiny/versions/1/infer',
      '/v2/models/stats',
      '/v2/repository/index',
      '/v2/logging',
      '/v2/models/tiny/trace/setting',
      '/v2/systemsharedmemory/status',
      '/v2/cudasharedmemory/region/a/register',
      '/v2/repository/models/tiny/unload',
      '/v2/health/../models/tiny',
      '/v2/health/live/../ready/x',
      '/v2/health/live%2f',
      '/v2/health/live;x',
      '/v2/health',
      '/metrics',
      '/docs',
      '/docs/json',
      '/docs/static/index.html',
      '/nothing',
      '/',
      'http://localhost/v2',
    ];
    for (const path of paths) {
      for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
        const received = await rawExchange(
          port,
          `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
        );
        assert.equal(statusOf(received), 401, `${method} ${path}: ${received.slice(0, 300)}`);
        assert.match(received, /www-authenticate: Bearer/i);
      }
    }
    assert.equal((await ask(`${url}/v2/health/live`)).status, 200);
    assert.equal((await ask(`${url}/v2/health/ready`)).status, 200);
  });

  test('open the door in either header, and no others do', async (t) => {
    const { url } = await serve(t, TINY, { apiKeys: KEYS });
    const good = [
      { authorization: 'Bearer first-key' },
      { authorization: 'bearer second-key' },
      { 'x-api-key': 'second-key' },
      // Of a page of another origin: a key is no cookie, the page knows it.
      { 'x-api-key': 'second-key', origin: 'https://app.example' },
    ];
    for (const headers of good) {
      const answer = await ask(
        `${url}/v2/models/tiny/infer`,
        'POST',
        REQUEST,
        headers as unknown as Record<string, string>,
      );
      assert.equal(answer.status, 200);
    }
    const bad = [
      '',
      'Bearer',
      'Bearer ',
      'Bearer first',
      'Bearer first-keyx',
      'Basic first-key',
      'first-key',
      'Bearer first-key,second-key',
    ];
    for (const authorization of bad) {
      assertProblem(await ask(`${url}/v2`, 'GET', undefined, { authorization }), 401, 'INF_UNAUTHENTICATED');
    }
    assertProblem(await ask(`${url}/v2`, 'GET', undefined, { 'x-api-key': 'FIRST-KEY' }), 401, 'INF_UNAUTHENTICATED');
    assertProblem(await ask(`${url}/v2?api_key=first-key`), 401, 'INF_UNAUTHENTICATED');
  });

  test('are needed to listen elsewhere than on loopback', async () => {
    const engine = await Engine.open({ models: {} });
    const listening: [Partial<ServerOptions>, boolean][] = [
      [{ host: '0.0.0.0' }, false],
      [{ host: '::' }, false],
      [{ host: '192.168.1.1' }, false],
      [{ host: 'example.com' }, false],
      [{ host: '127.evil.example' }, false],
      [{ host: '0.0.0.0', apiKeys: [] }, false],
      [{ host: '0.0.0.0', apiKeys: KEYS }, true],
      [{ host: '0.0.0.0', insecure: true }, true],
      [{ host: 'localhost' }, true],
      [{ host: '127.0.0.2' }, true],
      [{ host: '::1' }, true],
    ];
    for (const [options, allowed] of listening) {
      const made = createServer({ engine, ...options });
      if (allowed) await (await made).close();
      else await rejects(made, 'INF_OPTION_INVALID', 'API keys');
    }
    for (const key of ['', ' ', 'a b', 'ü', 'a\n'])
      await rejects(createServer({ engine, apiKeys: [key] }), 'INF_OPTION_INVALID', 'API keys');
    await engine.close();
  });
});

/** A request with headers that fetch would not let through. */
function withHeaders(
  port: number,
  method: string,
  headers: Record<string, string>,
  path = '/v2/models/tiny/infer',
): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { port, method, path, headers: { 'content-type': 'application/json', ...headers } },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (piece) => {
          text += piece;
        });
        response.on('end', () => resolve([response.statusCode!, text]));
      },
    );
    sent.on('error', reject).end(method === 'POST' ? JSON.stringify(REQUEST) : undefined);
  });
}

describe('without keys', () => {
  test('a foreign Host, as DNS rebinding makes it, is refused', async (t) => {
    const { port } = await serve(t, TINY);
    for (const host of ['localhost', 'LOCALHOST:1', '127.0.0.1', `127.0.0.1:${port}`, '[::1]:80']) {
      assert.equal((await withHeaders(port, 'POST', { host }))[0], 200, host);
    }
    for (const host of [
      'evil.example',
      'localhost.evil.example',
      'evil.example:80',
      '127.0.0.1.nip.io',
      '@localhost',
      'localhost@evil',
    ]) {
      for (const method of ['GET', 'POST']) {
        const [status, text] = await withHeaders(port, method, { host }, method === 'GET' ? '/v2' : undefined);
        assert.equal(status, 403, `${method} ${host}`);
        assert.match(text, /^\{"error":"[^"]*allowedHosts"\}$/);
      }
    }
    assert.equal((await withHeaders(port, 'GET', { host: 'evil.example' }, '/v2/health/live'))[0], 200);
  });

  test('a page of another origin cannot make a browser infer, load or unload', async (t) => {
    const { port, url } = await serve(t, TINY);
    for (const origin of ['https://evil.example', 'null', 'http://localhost.evil.example', 'x', 'http://10.0.0.1']) {
      for (const path of ['/v2/models/tiny/infer', '/v2/repository/index', '/v2/repository/models/tiny/unload']) {
        assert.equal((await withHeaders(port, 'POST', { origin }, path))[0], 403, `${origin} ${path}`);
      }
    }
    assert.equal((await withHeaders(port, 'POST', { origin: 'http://localhost:3000' }))[0], 200);
    // What a page can send without asking first.
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const headers = { 'content-type': type };
      for (const path of ['/v2/models/tiny/infer', '/v2/repository/index', '/v2/repository/models/tiny/unload']) {
        assertProblem(
          await ask(url + path, 'POST', JSON.stringify(REQUEST), headers),
          415,
          'INF_REQUEST_INVALID',
          /Content-Type/,
        );
      }
    }
    await assertServes(url);
  });

  test('hosts that are allowed may be named, and pages of theirs may call', async (t) => {
    const { port } = await serve(t, TINY, { allowedHosts: ['models.example'] });
    assert.equal((await withHeaders(port, 'POST', { host: 'models.example' }))[0], 200);
    assert.equal(
      (await withHeaders(port, 'POST', { host: 'models.example:81', origin: 'https://models.example' }))[0],
      200,
    );
    assert.equal((await withHeaders(port, 'POST', { host: 'localhost' }))[0], 403);
  });

  test('a server that was opened to all still refuses pages of other origins', async (t) => {
    const { port } = await serve(t, TINY, { host: '0.0.0.0', insecure: true });
    assert.equal((await withHeaders(port, 'POST', { host: 'any.example' }))[0], 200);
    assert.equal((await withHeaders(port, 'POST', { host: 'any.example', origin: 'https://any.example' }))[0], 200);
    assert.equal((await withHeaders(port, 'POST', { host: 'any.example', origin: 'https://evil.example' }))[0], 403);
  });
});

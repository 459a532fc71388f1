import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type RequestOptions, request } from 'node:https';
import { connect as tcp } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { ChannelCredentials, type ServiceError, status } from '@grpc/grpc-js';
import { createServer, type TlsOptions } from 'infernode/server';
import { serve as serveGrpc } from '../support/grpc-peer.js';
import { input, rawExchange, serve, statusOf, TINY } from '../support/serving.js';
import { fixture } from '../support/torch.js';

const pem = (name: string) => readFileSync(fixture(`tls/${name}`));

const authority = pem('authority.crt');
const SERVER: TlsOptions = { cert: pem('server.crt'), key: pem('server.key') };
const MUTUAL: TlsOptions = { ...SERVER, ca: authority };
const CLIENT = { cert: pem('client.crt'), key: pem('client.key') };
const STRANGER = { cert: pem('stranger.crt'), key: pem('stranger.key') };

/** Asks for an inference over HTTPS; rejects where no connection comes about. */
function infer(port: number, options: RequestOptions = {}): Promise<[status: number, body: string]> {
  const body = JSON.stringify({ inputs: [input('x', 'FP32', [1], [1])] });
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    const path = '/v2/models/tiny/infer';
    const sent = request({ port, method: 'POST', path, headers, ca: authority, agent: false, ...options }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (piece) => {
        text += piece;
      });
      answer.on('end', () => resolve([answer.statusCode!, text]));
    });
    sent.on('error', reject).end(body);
  });
}

async function assertAnswers(port: number, options?: RequestOptions): Promise<void> {
  const [code, text] = await infer(port, options);
  assert.equal(code, 200, text);
  assert.deepEqual(JSON.parse(text).outputs[0].data, [3]);
}

describe('HTTPS', () => {
  test('is spoken where there is a certificate, and nothing else is', async (t) => {
    const { url, port } = await serve(t, TINY, { tls: SERVER });
    assert.match(url, /^https:/);
    await assertAnswers(port);
    // Who trusts another authority does not talk to this server.
    await assert.rejects(infer(port, { ca: pem('stranger.crt') }));
    assert.equal(statusOf(await rawExchange(port, 'GET /v2 HTTP/1.1\r\nHost: localhost\r\n\r\n')), 0);
    await assertAnswers(port);
  });

  test('asks clients for a certificate where there is an authority', async (t) => {
    const { port } = await serve(t, TINY, { tls: MUTUAL });
    await assertAnswers(port, CLIENT);
    await assert.rejects(infer(port));
    await assert.rejects(infer(port, STRANGER));
  });

  test('lets nobody wait who does not say a word', async (t) => {
    const { port } = await serve(t, TINY, { tls: SERVER, headersTimeoutMs: 200 });
    const silent = tcp(port, '127.0.0.1').resume();
    silent.on('error', () => {});
    await new Promise((resolve) => silent.once('close', resolve));
    await assertAnswers(port);
  });

  test('ends as HTTP does', async (t) => {
    const { port, server } = await serve(t, TINY, { tls: SERVER });
    await assertAnswers(port);
    server.drain();
    await assertAnswers(port);
    await server.close();
    await assert.rejects(infer(port), { code: 'ECONNREFUSED' });
  });

  test('with certificates of clients needs no keys to listen elsewhere', async (t) => {
    const { engine } = await serve(t, TINY);
    await assert.rejects(createServer({ engine, host: '0.0.0.0', port: 0, tls: SERVER }), /API keys/);
    await (await createServer({ engine, host: '0.0.0.0', port: 0, tls: MUTUAL })).close();
  });
});

describe('gRPC over TLS', () => {
  const peerOf = async (t: TestContext, tls: TlsOptions, client?: typeof CLIENT) => {
    const credentials = ChannelCredentials.createSsl(authority, client?.key, client?.cert);
    const peer = await serveGrpc(TINY, { tls, credentials });
    t.after(() => peer.close());
    return peer;
  };
  const refused = (error: ServiceError) => error.code === status.UNAVAILABLE;

  test('is spoken where there is a certificate', async (t) => {
    const peer = await peerOf(t, SERVER);
    assert.deepEqual(await peer.call('ModelReady', { name: 'tiny' }), { ready: true });
  });

  test('asks clients for a certificate where there is an authority', async (t) => {
    const known = await peerOf(t, MUTUAL, CLIENT);
    assert.deepEqual(await known.call('ModelReady', { name: 'tiny' }), { ready: true });
    for (const client of [undefined, STRANGER]) {
      const peer = await peerOf(t, MUTUAL, client);
      await assert.rejects(peer.call('ModelReady', { name: 'tiny' }), refused);
    }
  });
});

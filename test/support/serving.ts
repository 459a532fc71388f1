import assert from 'node:assert/strict';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { createServer, Engine, type InferenceServer, MetricsObserver, type ServerOptions } from 'infernode/server';
import { fixture } from './torch.js';

/** A server on a free port of this machine. */
export interface Serving {
  readonly url: string;
  readonly port: number;
  readonly engine: Engine;
  readonly server: InferenceServer;
  readonly metrics: MetricsObserver;
}

/** Serves models until the test ends. */
export async function serve(
  t: TestContext,
  models: Readonly<Record<string, string>>,
  options: Partial<ServerOptions> = {},
): Promise<Serving> {
  const metrics = new MetricsObserver();
  const engine = await Engine.open({ models, threads: 1, observe: metrics.observe });
  const server = await createServer({ engine, metrics, port: 0, ...options });
  const url = await server.listen();
  t.after(async () => {
    await server.close(1000);
    await engine.close();
    metrics.close();
  });
  return { url, port: Number(new URL(url).port), engine, server, metrics };
}

/** The models that most tests ask. */
export const TINY = { tiny: fixture('tiny.onnx') };

/** The answer of a server. */
export interface Answer {
  readonly status: number;
  readonly code: string | null;
  readonly headers: Headers;
  readonly bytes: Buffer;
  // biome-ignore lint/suspicious/noExplicitAny: what a server says is what is tested
  readonly json: any;
}

/** Sends a request; an object goes as JSON. */
export async function ask(
  url: string,
  method = 'GET',
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  const response = await fetch(url, {
    method,
    headers: { ...(body !== undefined && !isRaw && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: isRaw ? (body as string) : JSON.stringify(body) }),
  });
  const bytes = Buffer.from(await response.arrayBuffer());
  const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
  return {
    status: response.status,
    code: response.headers.get('x-infernode-code'),
    headers: response.headers,
    bytes,
    json: isJson && bytes.length > 0 ? JSON.parse(bytes.toString()) : undefined,
  };
}

/** An input of the protocol. */
export function input(
  name: string,
  datatype: string,
  shape: readonly number[],
  data: unknown,
  rest: object = {},
): object {
  return { name, datatype, shape, data, ...rest };
}

/** Asserts that the tiny model still computes 2x + 1. */
export async function assertServes(url: string): Promise<void> {
  const answer = await ask(`${url}/v2/models/tiny/infer`, 'POST', { inputs: [input('x', 'FP32', [3], [1, 2, 3])] });
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.json.outputs[0].data, [3, 5, 7]);
}

/** Asserts that an answer is an error of the protocol. */
export function assertProblem(answer: Answer, status: number, code: string, says?: RegExp): void {
  assert.equal(answer.status, status, answer.bytes.toString());
  assert.equal(answer.code, code, answer.bytes.toString());
  assert.deepEqual(Object.keys(answer.json), ['error']);
  if (says !== undefined) assert.match(answer.json.error, says);
}

/** A request whose binary data follows its JSON. */
export function binaryBody(json: object, ...data: Uint8Array[]): { body: Buffer; headers: Record<string, string> } {
  const header = Buffer.from(JSON.stringify(json));
  return {
    body: Buffer.concat([header, ...data]),
    headers: {
      'content-type': 'application/octet-stream',
      'inference-header-content-length': String(header.length),
    },
  };
}

/** The JSON and the binary data of an answer. */
export function splitAnswer({ headers, bytes }: Answer) {
  const length = Number(headers.get('inference-header-content-length'));
  return { json: JSON.parse(bytes.toString('utf8', 0, length)), data: bytes.subarray(length) };
}

/** Sends bytes as they are and returns all that comes back until the server closes the connection. */
export function rawExchange(port: number, ...pieces: (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.setEncoding('latin1').on('data', (text) => {
      received += text;
    });
    // A server may close while it is still written to.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' || error.code === 'ECONNRESET') resolve(received);
      else reject(error);
    });
    socket.on('close', () => resolve(received));
    for (const piece of pieces) socket.write(piece);
  });
}

/** The status of the first answer in what `rawExchange` gave; 0 where the connection was closed without one. */
export function statusOf(received: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 0);
}

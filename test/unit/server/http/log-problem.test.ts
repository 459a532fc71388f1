import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import fastify from 'fastify';
import { type ErrorCode, InfernodeError } from '#src/errors';
import { sendProblem } from '#src/server/http/problem';

/** What the log says of a request that ends with this error, and what its client is told. */
async function logOf(t: TestContext, error: Error) {
  const lines: string[] = [];
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const app = fastify({ logger: { level: 'info', stream }, disableRequestLogging: true });
  t.after(() => app.close());
  app.setErrorHandler(sendProblem);
  app.get('/', async () => {
    throw error;
  });
  const { body } = await app.inject('/');
  assert.equal(lines.length, 1);
  return { line: JSON.parse(lines[0]!), body };
}

const LEVELS = { info: 30, warn: 40, error: 50 };

test('only what is wrong with the server or a model comes with a stack', async (t) => {
  const levels: [ErrorCode, keyof typeof LEVELS][] = [
    ['INF_REQUEST_INVALID', 'info'],
    ['INF_ABORTED', 'info'],
    ['INF_QUEUE_FULL', 'info'],
    ['INF_MODEL_NOT_READY', 'info'],
    ['INF_SHUTTING_DOWN', 'info'],
    ['INF_DEADLINE_EXCEEDED', 'info'],
    ['INF_REQUEST_UNSUPPORTED', 'info'],
    ['INF_BACKEND_CRASHED', 'warn'],
    ['INF_OUT_OF_MEMORY', 'warn'],
    ['INF_MODEL_FAILED', 'error'],
    ['INF_INTERNAL', 'error'],
  ];
  for (const [code, level] of levels) {
    const { line } = await logOf(t, new InfernodeError(code, 'a reason'));
    assert.deepEqual([line.level, line.code, line.msg], [LEVELS[level], code, 'a reason']);
    assert.equal(line.err?.stack !== undefined, level === 'error', code);
  }
  const { line } = await logOf(t, new TypeError('a bug'));
  assert.deepEqual([line.level, line.msg], [LEVELS.error, 'a bug']);
  assert.match(line.err.stack, /log-problem/);
});

test('paths of the server are for the log', async (t) => {
  const error = new InfernodeError('INF_MODEL_NOT_FOUND', '/tmp/secret/net/1 holds no model');
  const { line, body } = await logOf(t, error);
  assert.equal(line.msg, error.message);
  assert.equal(body, '{"error":"net/1 holds no model"}');
});

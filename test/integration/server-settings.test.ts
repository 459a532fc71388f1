import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createGrpcServer, createServer, Engine } from 'infernode/server';
import { connect } from '../support/grpc-peer.js';
import { ask, assertProblem, serve, TINY } from '../support/serving.js';

describe('what clients of Triton ask of every server', () => {
  test('settings of traces and of the log can be read, not changed', async (t) => {
    const { url } = await serve(t, TINY);
    const trace = { trace_level: ['OFF'] };
    for (const path of ['trace/setting', 'models/tiny/trace/setting']) {
      for (const answer of [await ask(`${url}/v2/${path}`), await ask(`${url}/v2/${path}`, 'POST', {})]) {
        assert.deepEqual([answer.status, answer.json], [200, trace], path);
      }
      const change = { trace_level: ['TIMESTAMPS'] };
      assertProblem(await ask(`${url}/v2/${path}`, 'POST', change), 501, 'INF_REQUEST_UNSUPPORTED', /traces/);
    }
    assertProblem(await ask(`${url}/v2/models/..%2f/trace/setting`), 400, 'INF_REQUEST_INVALID');
    const log = { log_error: false, log_warning: false, log_info: false, log_verbose_level: 0 };
    assert.deepEqual((await ask(`${url}/v2/logging`)).json, log);
    assert.deepEqual((await ask(`${url}/v2/logging`, 'POST')).json, log);
    assertProblem(
      await ask(`${url}/v2/logging`, 'POST', { log_info: true }),
      501,
      'INF_REQUEST_UNSUPPORTED',
      /the log/,
    );
    assertProblem(await ask(`${url}/v2/logging`, 'POST', [1]), 400, 'INF_REQUEST_INVALID');
  });

  test('the settings of the log are what is logged', async () => {
    const engine = await Engine.open({ models: {}, threads: 1 });
    const cases = [
      ['error', true, false, false, 0],
      ['warn', true, true, false, 0],
      ['info', true, true, true, 0],
      ['debug', true, true, true, 1],
    ] as const;
    for (const [logLevel, log_error, log_warning, log_info, log_verbose_level] of cases) {
      const { listen, close } = await createServer({ engine, logLevel, port: 0 });
      assert.deepEqual((await ask(`${await listen()}/v2/logging`)).json, {
        log_error,
        log_warning,
        log_info,
        log_verbose_level,
      });
      await close();
      const grpc = createGrpcServer({ engine, port: 0, logLevel });
      const { call, disconnect } = connect(await grpc.listen());
      const { settings } = await call<{ settings: Record<string, object> }>('LogSettings');
      assert.deepEqual(settings.log_info, { bool_param: log_info, parameter_choice: 'bool_param' });
      assert.deepEqual(settings.log_error, { bool_param: log_error, parameter_choice: 'bool_param' });
      disconnect();
      await grpc.close();
    }
    await engine.close();
  });

  test('no shared memory is registered, and none can be', async (t) => {
    const { url } = await serve(t, TINY);
    for (const kind of ['system', 'cuda']) {
      const at = `${url}/v2/${kind}sharedmemory`;
      for (const path of [at, `${at}/region/mine`]) {
        const status = await ask(`${path}/status`);
        assert.deepEqual([status.status, status.json], [200, []]);
        assert.equal((await ask(`${path}/unregister`, 'POST')).status, 200);
      }
      const region = { key: '/mine', offset: 0, byte_size: 64 };
      assertProblem(
        await ask(`${at}/region/mine/register`, 'POST', region),
        501,
        'INF_REQUEST_UNSUPPORTED',
        /Shared memory is not supported/,
      );
      assertProblem(await ask(`${at}/region/mine/register`), 405, 'INF_REQUEST_INVALID');
    }
  });
});

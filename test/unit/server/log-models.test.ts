import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { FastifyBaseLogger } from 'fastify';
import { Engine, type EngineOptions } from 'infernode/server';
import { logModels } from '#src/server/log-models';
import { rejects } from '../../support/expect-error.js';
import { adding, until } from '../../support/served-models.js';
import { makeFolder } from '../support/files.js';

/** An engine, and what is logged of it: `warn bad: A model does not serve`. */
async function logged(t: TestContext, options: EngineOptions) {
  const lines: string[] = [];
  const note = (level: string) => (about: { model?: string; reason?: string }, message: string) =>
    void lines.push(`${level} ${about.model}: ${message} (${about.reason ?? ''})`);
  const log = { warn: note('warn'), info: note('info') } as unknown as FastifyBaseLogger;
  const engine = await Engine.start({ threads: 1, ...options });
  t.after(() => engine.close());
  return { engine, lines, end: logModels(engine, log) };
}

test('models of the start that do not load are logged, however early they fail', async (t) => {
  const repository = await makeFolder(t, { 'bad.onnx': 'no model', 'good.onnx': adding(1) });
  const { engine, lines } = await logged(t, { repository });
  await engine.started;
  await until(() => lines.length > 0);
  assert.equal(lines.length, 1);
  assert.match(lines[0]!, /^warn bad: A model does not serve \(.*bad\.onnx/);
});

test('so is what becomes of them, until the log is ended', async (t) => {
  const repository = await makeFolder(t, { 'net.onnx': adding(1) });
  const { engine, lines, end } = await logged(t, { repository, mode: 'explicit' });
  await engine.started;
  assert.deepEqual(lines, []);
  await engine.loadModel('net');
  await until(() => lines.length === 1);
  await writeFile(join(repository, 'net.onnx'), 'no model');
  await rejects(engine.loadModel('net'), 'INF_MODEL_FORMAT');
  await until(() => lines.length === 2);
  await engine.unloadModel('net');
  await until(() => lines.length === 3);
  await rm(join(repository, 'net.onnx'));
  assert.equal(lines[0], 'info net: A model serves ()');
  assert.match(lines[1]!, /^warn net: A model was not replaced \(the last change has not taken effect: .*net\.onnx/);
  assert.equal(lines[2], 'info net: A model was unloaded (it was unloaded)');
  end();
  await writeFile(join(repository, 'net.onnx'), adding(2));
  await engine.loadModel('net');
  assert.equal(lines.length, 3);
});

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ServiceError } from '@grpc/grpc-js';
import { serveBoth } from '../support/both-protocols.js';
import { rawRequest } from '../support/grpc-peer.js';
import { adding } from '../support/served-models.js';
import { ask, input } from '../support/serving.js';
import { makeFolder } from '../unit/support/files.js';

const x = { inputs: [input('x', 'FP32', [1], [0])] };

/** Models that do not serve, each for another reason, in a folder whose path nobody is to learn. */
function brokenModels(t: TestContext): Promise<string> {
  return makeFolder(t, {
    'garbage/1/model.onnx': 'no model',
    'config/1/model.onnx': adding(1),
    'config/model.json': '{"warmup":"often"}',
    'nothing/1/readme.txt': '',
    'labels/1/model.onnx': adding(1),
    'labels/model.json': '{"processing":{"labels":"none.txt"}}',
    'twice.onnx': adding(1),
    'twice/1/model.onnx': adding(1),
    'net/1/model.onnx': adding(1),
  });
}

test('no answer says where the models are, and each says which model and file it is about', async (t) => {
  const repository = await brokenModels(t);
  const { engine, url, call } = await serveBoth(t, { repository, mode: 'explicit', startup: ['*'] });
  await engine.started;
  const names = ['garbage', 'config', 'nothing', 'labels', 'twice'];
  assert.deepEqual(
    engine.awaited().map(({ name }) => name),
    names.sort(),
  );
  const told: string[] = [];
  for (const name of names) {
    told.push((await ask(`${url}/v2/models/${name}/infer`, 'POST', x)).json.error);
    told.push((await ask(`${url}/v2/repository/models/${name}/load`, 'POST')).json.error);
    const refused = (error: ServiceError) => told.push(error.details);
    await call('ModelInfer', rawRequest(name, { x: ['FP32', [1], Float32Array.of(0)] })).catch(refused);
    await call('RepositoryModelLoad', { model_name: name }).catch(refused);
  }
  assert.equal(told.length, 4 * names.length);
  told.push((await ask(`${url}/v2/health/ready`)).json.error);
  told.push((await ask(`${url}/v2/repository/index`, 'POST')).bytes.toString());
  told.push(JSON.stringify(await call('RepositoryIndex')));
  const hidden = [repository, dirname(repository)];
  for (const text of told) {
    for (const path of hidden) assert.ok(!text.includes(path), text);
  }
  const all = told.join('\n');
  for (const part of ['garbage/1/model.onnx', 'config/model.json', 'labels/none.txt', 'twice']) {
    assert.ok(all.includes(part), `nothing says ${part}: ${all}`);
  }
});

test('so it is with a model that was not replaced', async (t) => {
  const repository = await makeFolder(t, { 'net/1/model.onnx': adding(1) });
  const { engine, url, call } = await serveBoth(t, { repository, mode: 'explicit', startup: ['*'] });
  await engine.started;
  await writeFile(join(repository, 'net/1/model.onnx'), 'no model');
  const told = [(await ask(`${url}/v2/repository/models/net/load`, 'POST')).json.error];
  const [entry] = (await ask(`${url}/v2/repository/index`, 'POST')).json;
  assert.match(entry.reason, /the last change has not taken effect: .*model\.onnx/);
  told.push(entry.reason, JSON.stringify(await call('RepositoryIndex')));
  for (const text of told) assert.ok(!text.includes(dirname(repository)), text);
  assert.equal((await ask(`${url}/v2/models/net/infer`, 'POST', x)).status, 200);
});

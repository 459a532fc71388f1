import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type BothProtocols, serveBoth } from '../support/both-protocols.js';
import { type InferResponse, output, rawRequest } from '../support/grpc-peer.js';
import { refuses } from '../support/grpc-status.js';
import { encodeModel, node, value } from '../support/onnx-builder.js';
import { adding, answerOf, until } from '../support/served-models.js';
import { ask, assertProblem, input } from '../support/serving.js';
import { makeFolder } from '../unit/support/files.js';

const ONE = { x: ['FP32', [1], Float32Array.of(0)] } as const;
const one = { inputs: [input('x', 'FP32', [1], [0])] };

async function open(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): Promise<BothProtocols> {
  const options = { mode: 'explicit', startup: ['*'] } as const;
  const both = await serveBoth(t, { repository: await makeFolder(t, files), ...options });
  await both.engine.started;
  return both;
}

/** y = x, and once more under another name. */
function naming(name: string): Uint8Array {
  return encodeModel({
    node: [node('Identity', ['x'], ['y']), node('Identity', ['x'], [name])],
    input: [value('x', 'float32', ['n'])],
    output: [value('y', 'float32', ['n']), value(name, 'float32', ['n'])],
  });
}

test('a version that model.json leaves out is not found, and one that was unloaded is not ready', async (t) => {
  const { engine, url, call } = await open(t, {
    'net/1/model.onnx': adding(1),
    'net/2/model.onnx': adding(2),
    'net/3/model.onnx': adding(3),
    'net/model.json': '{"versions": [2]}',
  });
  assert.equal(await answerOf(engine, 'net'), 2);
  const says = 'Version 3 of model "net" does not serve: it is not among the versions that are to serve';
  for (const path of ['', '/ready', '/config', '/stats']) {
    assertProblem(await ask(`${url}/v2/models/net/versions/3${path}`), 404, 'INF_MODEL_NOT_FOUND', new RegExp(says));
  }
  const infer = (version: number) => ask(`${url}/v2/models/net/versions/${version}/infer`, 'POST', one);
  assertProblem(await infer(1), 404, 'INF_MODEL_NOT_FOUND', /versions that serve: 2/);
  const ofVersion = (model_version: string) => call('ModelInfer', { ...rawRequest('net', ONE), model_version });
  await refuses(ofVersion('3'), 'INF_MODEL_NOT_FOUND', says);
  assert.deepEqual(await call('ModelReady', { name: 'net', version: '3' }), { ready: false });

  assert.equal((await ask(`${url}/v2/repository/models/net/unload`, 'POST')).status, 200);
  await until(() => engine.models().every(({ state }) => state === 'UNAVAILABLE'));
  for (const version of [2, 3]) {
    assertProblem(await infer(version), 503, 'INF_MODEL_NOT_READY');
    await refuses(ofVersion(String(version)), 'INF_MODEL_NOT_READY');
  }
});

test('more tensors than a request may have are a mistake in the request', async (t) => {
  const { url, call } = await open(t, { 'net/1/model.onnx': adding(1) });
  const names = Array.from({ length: 1025 }, (_, index) => `x${index}`);
  const inputs = names.map((name) => input(name, 'FP32', [1], [0]));
  const outputs = names.map((name) => ({ name }));
  for (const body of [{ inputs }, { ...one, outputs }]) {
    assertProblem(await ask(`${url}/v2/models/net/infer`, 'POST', body), 400, 'INF_REQUEST_INVALID', /1024/);
  }
  const many = rawRequest('net', Object.fromEntries(names.map((name) => [name, ONE.x])));
  await refuses(call('ModelInfer', many), 'INF_REQUEST_INVALID', '1024');
  await refuses(call('ModelInfer', rawRequest('net', ONE, { outputs })), 'INF_REQUEST_INVALID', '1024');
});

test('a load takes no parameter that it does not know', async (t) => {
  const { engine, url, call } = await open(t, { 'net/1/model.onnx': adding(1) });
  const load = `${url}/v2/repository/models/net/load`;
  const says = 'There is no parameter "confg" of a load (did you mean "config"?)';
  const parameters = { confg: '{"threads": 1}' };
  const answer = await ask(load, 'POST', { parameters });
  assertProblem(answer, 400, 'INF_REQUEST_INVALID');
  assert.equal(answer.json.error, says);
  const message = { model_name: 'net', parameters: { confg: { string_param: parameters.confg } } };
  await refuses(call('RepositoryModelLoad', message), 'INF_REQUEST_INVALID', says);
  assert.equal((await ask(load, 'POST', { parameters: { config: parameters.confg } })).status, 200);
  assert.equal(engine.model('net').model.config?.threads, 1);
});

test('the index can be of what is ready, and of no repository by name', async (t) => {
  const { url, call } = await open(t, { 'net/1/model.onnx': adding(1), 'bad/1/model.onnx': 'nothing of a model' });
  type Entry = { name: string; state: string };
  const ofHttp = async (body: object) =>
    (await ask(`${url}/v2/repository/index`, 'POST', body)).json.map(({ name }: Entry) => name);
  const ofGrpc = async (request: object) =>
    (await call<{ models: Entry[] }>('RepositoryIndex', request)).models.map(({ name }) => name);
  for (const index of [ofHttp, ofGrpc]) {
    assert.deepEqual(await index({}), ['bad', 'net']);
    assert.deepEqual(await index({ ready: true }), ['net']);
    assert.deepEqual(await index({ ready: false }), ['bad', 'net']);
  }
  assertProblem(await ask(`${url}/v2/repository/index`, 'POST', { ready: 'yes' }), 400, 'INF_REQUEST_INVALID');
  const named = { model_name: 'net', repository_name: 'models' };
  for (const method of ['RepositoryIndex', 'RepositoryModelLoad', 'RepositoryModelUnload']) {
    await refuses(call(method, named), 'INF_REQUEST_UNSUPPORTED', 'repository_name must be empty');
  }
});

test('outputs named as what every object has, and one that the runtime would lose', async (t) => {
  const names = ['constructor', 'hasOwnProperty', 'toString'];
  const files = Object.fromEntries(names.map((name) => [`${name}-model/1/model.onnx`, naming(name)]));
  const both = await open(t, { ...files, 'lost/1/model.onnx': naming('__proto__') });
  for (const name of names) {
    const outputs = [{ name }];
    const answer = await ask(`${both.url}/v2/models/${name}-model/infer`, 'POST', { ...one, outputs });
    assert.deepEqual(answer.json.outputs, [{ name, datatype: 'FP32', shape: [1], data: [0] }]);
    const response = await both.call<InferResponse>('ModelInfer', rawRequest(`${name}-model`, ONE, { outputs }));
    assert.deepEqual([...output(response, name, Float32Array)], [0]);
  }
  const says = 'An output is named "__proto__", which onnxruntime-node cannot pass; rename it inside the model';
  const answer = await ask(`${both.url}/v2/models/lost/infer`, 'POST', one);
  assertProblem(answer, 503, 'INF_MODEL_NOT_READY');
  assert.ok(answer.json.error.includes(says), answer.json.error);
  await refuses(both.call('ModelInfer', rawRequest('lost', ONE)), 'INF_MODEL_NOT_READY', says);
  await refuses(both.call('RepositoryModelLoad', { model_name: 'lost' }), 'INF_OUTPUT_UNSUPPORTED', says);
});

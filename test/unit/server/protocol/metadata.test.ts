import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Engine } from '#src/engine/engine';
import { modelMetadata } from '#src/server/protocol/metadata';
import { modelStatistics } from '#src/server/protocol/model-statistics';
import { tritonConfig } from '#src/server/protocol/triton-config';
import { bundledModel } from '../../../support/test-data.js';
import { fixture, needsTorch } from '../../../support/torch.js';

test('what a model says of itself, in the words of the protocol', async (t) => {
  const engine = await Engine.open({ models: { tiny: fixture('tiny.onnx'), shapes: bundledModel }, backend: 'onnx' });
  t.after(() => engine.close());
  const shapes = modelMetadata(engine.model('shapes'));
  assert.equal(shapes.platform, 'onnxruntime_onnx');
  assert.deepEqual(shapes.versions, ['1']);
  assert.deepEqual(
    shapes.inputs.map(({ name, datatype }) => [name, datatype]),
    [['image', 'FP32']],
  );
  assert.equal(shapes.inputs[0]!.shape[0], -1);
  const config = tritonConfig(engine.model('tiny'));
  assert.equal(config.backend, 'onnxruntime');
  assert.equal(config.default_model_filename, 'tiny.onnx');
  assert.deepEqual(config.input, [{ name: 'x', data_type: 'TYPE_FP32', dims: [-1] }]);
  const statistics = modelStatistics(engine.model('tiny'));
  assert.deepEqual(statistics.inference_stats.success, { count: 0, ns: 0 });
  assert.equal(statistics.memory_usage[0]!.type, 'CPU');
});

test('containers are listed by their elements', { skip: needsTorch }, async (t) => {
  const engine = await Engine.open({ models: { m: fixture('containers.pt') } });
  t.after(() => engine.close());
  const { inputs } = modelMetadata(engine.model('m'));
  assert.deepEqual(
    inputs.map(({ name, datatype }) => [name, datatype]),
    [
      ['pair.0', 'UNKNOWN'],
      ['pair.1', 'UNKNOWN'],
      ['items.*', 'UNKNOWN'],
      ['table.*', 'UNKNOWN'],
      ['sizes.*', 'INT64'],
    ],
  );
});

test('a trial tells the shapes of outputs where those of inputs are known, and dtypes elsewhere', {
  skip: needsTorch,
}, async (t) => {
  const engine = await Engine.open({
    models: { shapes: bundledModel, any: fixture('identity.pt') },
    backend: 'torch',
    batching: { maxSize: 4 },
  });
  t.after(() => engine.close());
  const { outputs } = modelMetadata(engine.model('shapes'));
  assert.equal(outputs[0]!.datatype, 'FP32');
  assert.equal(outputs[0]!.shape.length, 2);
  assert.ok(outputs[0]!.shape[1]! > 1);
  assert.deepEqual(modelMetadata(engine.model('any')).inputs, [{ name: 'x', datatype: 'FP32', shape: [-1] }]);
});

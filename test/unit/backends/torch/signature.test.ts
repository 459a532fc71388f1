import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Tensor } from 'infernode';
import { rejects } from '../../../support/expect-error.js';
import { loadFixture, needsTorch } from '../../../support/torch.js';

describe('signature of a TorchScript file', { skip: needsTorch }, () => {
  test('names, kinds, types and defaults', async () => {
    await using model = await loadFixture('many-inputs');
    const summary = model.signature.inputs.map(
      ({ name, kind, type, optional }) => `${name}:${kind}:${type}:${optional}`,
    );
    assert.deepEqual(summary, [
      'x:tensor:Tensor:false',
      'scale:float:float:false',
      'offset:int:int:false',
      'negate:bool:bool:false',
      'bias:tensor:Optional[Tensor]:true',
      'mode:string:str:true',
      'steps:int:int:true',
    ]);
    assert.deepEqual(
      model.signature.outputs.map(({ name, kind }) => [name, kind]),
      [['output', 'tensor']],
    );
  });

  test('containers with their elements; every exported method', async () => {
    await using containers = await loadFixture('containers');
    const pair = containers.signature.inputs[0]!;
    assert.deepEqual([pair.kind, pair.items!.map((item) => item.name)], ['tuple', ['pair.0', 'pair.1']]);
    await using model = await loadFixture('outputs');
    assert.ok(['forward', 'as_dict', 'as_named', 'scalars'].every((name) => name in model.info.methods));
    assert.deepEqual(
      model.info.methods.as_named!.outputs.map((output) => output.name),
      ['logits', 'best'],
    );
  });

  const derived: [string, string, unknown][] = [
    ['layer-linear', 'float32', ['...', 5]],
    ['layer-conv1d', 'float32', [null, 6, null]],
    ['layer-transposed', 'float32', [null, 7, null, null]],
    ['layer-embedding', 'int64', null],
    ['layer-half', 'bfloat16', ['...', 4]],
    ['traced', 'float32', ['...', 3]],
    ['norms', 'float32', [null, 3, null, null]],
  ];
  for (const [name, dtype, shape] of derived) {
    test(`dtype and shape derived from the first layer: ${name}`, async () => {
      await using model = await loadFixture(name);
      const [input] = model.signature.inputs;
      assert.deepEqual([input!.dtype, input!.shape], [dtype, shape]);
    });
  }

  test('explains a failed run: expected and given, the traceback as cause', async () => {
    await using model = await loadFixture('layer-linear');
    const wrongSize = new Tensor('float32', new Float32Array(6), [1, 6]);
    const error = await rejects(model.run([wrongSize]), 'INF_INPUT_SHAPE', '[..., 5]', '[1, 6]');
    assert.match((error.cause as Error).message, /Traceback of TorchScript/);
    assert.deepEqual(error.details, {
      name: error.details.name,
      expected: '[..., 5]',
      given: '[1, 6]',
      ...error.details,
    });
    const wrongType = new Tensor('float64', new Float64Array(5), [1, 5]);
    await rejects(model.run([wrongType]), 'INF_INPUT_DTYPE', 'float32', 'float64');
    // A rank that the layer takes is none of our business.
    await model.run([new Tensor('float32', new Float32Array(10), [1, 2, 5])]);
  });

  test('counts weights and operations', async () => {
    await using model = await loadFixture('traced');
    assert.deepEqual(model.info.parameters, { count: 8, bytes: 32, dtypes: { float32: 8 } });
    assert.deepEqual(Object.keys(model.info.ops).sort(), ['aten::linear', 'aten::relu']);
  });
});

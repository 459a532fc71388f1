import { join } from 'node:path';
import { test } from 'node:test';
import { load, Tensor } from 'infernode';
import { rejects } from '../../support/expect-error.js';
import { node, value, weight, writeModel } from '../../support/onnx-builder.js';
import { fixture, needsTorch } from '../../support/torch.js';
import { makeFolder } from '../support/files.js';

const tokens = (...ids: number[]) => [new Tensor('int64', BigInt64Array.from(ids, BigInt), [ids.length])];

test('an index beyond a table of the model is a mistake of the caller: torch', { skip: needsTorch }, async () => {
  await using model = await load(fixture('layer-embedding.pt'), { backend: 'torch' });
  await model.run(tokens(0, 9));
  await rejects(model.run(tokens(0, 10)), 'INF_INPUT_VALUE', /out of range/);
  await rejects(model.run(tokens(-1)), 'INF_INPUT_VALUE', /out of range/);
});

test('an index beyond a table of the model is a mistake of the caller: onnx', async (t) => {
  const folder = await makeFolder(t, {});
  const path = await writeModel(join(folder, 'lookup.onnx'), {
    input: [value('ids', 'int64', [null])],
    output: [value('y', 'float32', [null, 2])],
    initializer: [weight('table', 'float32', [10, 2], new Float32Array(20))],
    node: [node('Gather', ['table', 'ids'], ['y'])],
  });
  await using model = await load(path);
  await model.run(tokens(0, 9));
  await rejects(model.run(tokens(0, 10)), 'INF_INPUT_VALUE', /out of data bounds/);
});

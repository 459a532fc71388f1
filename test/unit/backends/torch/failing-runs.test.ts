import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { repository } from '../../../support/test-data.js';
import { fixture, needsTorch } from '../../../support/torch.js';

// In a process of its own: what this guards against ended the process.
test('runs that fail inside a frozen model are errors, however the heap was used since', { skip: needsTorch }, () => {
  const source = `
    import { load, Tensor } from ${JSON.stringify(join(repository, 'dist/index.js'))};
    const inputs = [[1, 1, 28, 28], [1, 16]].map(
      (shape) => new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b)), shape),
    );
    const codes = [];
    for (let round = 0; round < 5; round++) {
      const model = await load(${JSON.stringify(fixture('encoder.pt'))});
      for (const other of ${JSON.stringify(['quantize-conv', 'layer-linear', 'counter'].map((name) => fixture(`${name}.pt`)))})
        await (await load(other)).close();
      for (const input of inputs) codes.push(await model.run([input]).then(() => 'none', (error) => error.code));
      await model.close();
    }
    console.log(codes.join());`;
  const { status, signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', source]);
  assert.deepEqual({ status, signal }, { status: 0, signal: null });
  assert.match(String(stdout), /^INF_\w+(,INF_\w+){9}\n$/);
});

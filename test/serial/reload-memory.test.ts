import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { levels, mebibytes } from '../support/memory-levels.js';
import { bundledModel, dataFile, needsTestData } from '../support/test-data.js';
import { needsTorch } from '../support/torch.js';

const backends = [
  { format: 'torchscript', extension: 'pt', skip: needsTorch },
  { format: 'onnx', extension: 'onnx', skip: false },
] as const;

for (const { format, extension, skip } of backends) {
  const models = [
    ['the bundled model', join(bundledModel, `1/model.${extension}`), [1, 3, 64, 64], skip],
    ['14 MB', dataFile(`models/${format}/mobilenet_v2_fp32.${extension}`), [1, 3, 224, 224], skip || needsTestData],
  ] as const;
  describe(`memory of an engine, ${format}`, () => {
    for (const [what, path, shape, without] of models) {
      test(`50 reloads under requests, then 30 times unload and load, of ${what}`, { skip: without }, () => {
        const seen = levels(`
          const shape = ${JSON.stringify(shape)};
          const x = new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b)), shape);
          const models = { net: ${JSON.stringify(path)} };
          const engine = await Engine.open({ models, mode: 'explicit', startup: ['net'], threads: 1 });
          let goesOn = true;
          const ask = async () => { while (goesOn) await engine.infer('net', { inputs: [x] }); };
          const asking = [ask(), ask()];
          const seen = [];
          for (let cycle = 0; cycle < 50; cycle++) {
            await engine.loadModel('net');
            if (cycle % 10 === 9) seen.push(await trimmedRss());
          }
          goesOn = false;
          await Promise.all(asking);
          for (let cycle = 0; cycle < 30; cycle++) {
            const settled = Promise.allSettled([engine.unloadModel('net'), engine.loadModel('net'), engine.loadModel('net')]);
            await engine.unloadModel('net');
            await settled;
            await engine.loadModel('net');
            if (cycle % 10 === 9) seen.push(await trimmedRss());
          }
          await engine.close();
          console.log(JSON.stringify(seen));`);
        const growth = seen.at(-1)! / Math.max(...seen.slice(0, 2)) - 1;
        // Two copies and their workers come and go at once, so levels vary. A third of a megabyte left by each cycle would show.
        assert.ok(growth < 0.1, `grew by ${(growth * 100).toFixed(1)} %: ${mebibytes(seen)} MiB`);
      });
    }
  });
}

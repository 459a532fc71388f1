import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { wantsAvx512 } from '../support/cpu.js';
import { levels, mebibytes, steadyClimb } from '../support/memory-levels.js';
import { bundledModel, dataFile, needsTestData } from '../support/test-data.js';
import { fixture, needsTorch } from '../support/torch.js';

const backends = [
  { backend: 'torch', format: 'torchscript', extension: 'pt', skip: needsTorch },
  { backend: 'onnx', format: 'onnx', extension: 'onnx', skip: false },
] as const;

for (const { backend, format, extension, skip } of backends) {
  const tiny = fixture(`tiny.${extension}`);
  const mobilenet = dataFile(`models/${format}/mobilenet_v2_fp32.${extension}`);
  const loaded = [
    ['the bundled model', join(bundledModel, `1/model.${extension}`), [1, 3, 64, 64], false],
    ...(backend === 'torch'
      ? ([
          [
            'a package',
            dataFile('models/aoti_pt2/resnet20_cifar10_fp32.pt2'),
            [1, 3, 32, 32],
            needsTestData || wantsAvx512,
          ],
        ] as const)
      : []),
    ['a model of 14 MB', mobilenet, [1, 3, 224, 224], needsTestData],
  ] as const;

  describe(`memory of the ${backend} backend`, { skip }, () => {
    test('100,000 runs leave resident memory flat', () => {
      const seen = levels(`
        const model = await load(${JSON.stringify(tiny)});
        const x = new Tensor('float32', new Float32Array(16384));
        const seen = [];
        for (let round = 0; round < 40; round++) {
          for (let i = 0; i < 100; i++) await Promise.all(Array.from({ length: 100 }, () => model.run([x])));
          seen.push(await rss());
        }
        console.log(JSON.stringify(seen));`);
      // 300,000 runs warm up: heaps reach their size, later on a busy machine, by freed memory that is never in one piece.
      // Then come 100,000 more. A heap takes a step now and then and stays; a leak climbs in every round.
      const settled = seen[29]!;
      const growth = (10 * steadyClimb(seen.slice(29))) / settled;
      assert.ok(growth < 0.02, `climbs by ${(growth * 100).toFixed(1)} %: ${mebibytes(seen)} MiB`);
      assert.ok(seen.at(-1)! < 1.1 * settled, `grew beyond all steps: ${mebibytes(seen)} MiB`);
    });

    test('what loading a model of 14 MB took besides is given back', { skip: needsTestData }, () => {
      const [loaded, trimmed] = levels(`
        const model = await load(${JSON.stringify(mobilenet)});
        console.log(JSON.stringify([await rss(), await trimmedRss()]));
        await model.close();`) as [number, number];
      assert.ok(loaded - trimmed < 8 * 2 ** 20, `${mebibytes([loaded - trimmed])} MiB of freed memory were kept`);
    });

    for (const [what, path, shape, without] of loaded) {
      test(`50 times load, run and close of ${what} end where the third ended`, { skip: without }, () => {
        const seen = levels(`
          const shape = ${JSON.stringify(shape)};
          const x = new Tensor('float32', new Float32Array(shape.reduce((a, b) => a * b)), shape);
          const seen = [];
          for (let cycle = 0; cycle < 50; cycle++) {
            const model = await load(${JSON.stringify(path)});
            await model.run([x]);
            model.runSync([x]);
            await model.close();
            seen.push(await rss());
          }
          console.log(JSON.stringify(seen));`);
        const growth = seen.at(-1)! / seen[2]! - 1;
        assert.ok(growth < 0.05, `grew by ${(growth * 100).toFixed(1)} %: ${mebibytes(seen)} MiB`);
      });
    }

    test('20 times load, run and close of three instances end where the fifth ended', () => {
      const name = backend === 'torch' ? 'TorchBackend' : 'onnxBackend';
      const seen = levels(`
        const { ${name} } = await import(${JSON.stringify(import.meta.resolve(`#src/backends/${backend}/backend`))});
        const backend = ${backend === 'torch' ? 'new TorchBackend()' : name};
        const x = new Tensor('float32', new Float32Array(3 * 64 * 64), [1, 3, 64, 64]);
        const path = ${JSON.stringify(join(bundledModel, `1/model.${extension}`))};
        const seen = [];
        for (let cycle = 0; cycle < 20; cycle++) {
          const session = await backend.load(path, ${JSON.stringify(format)}, { device: 'cpu', threads: 1, instances: 3 });
          await Promise.all(Array.from({ length: 12 }, () => session.run('forward', [x])));
          await session.close();
          seen.push(await rss());
        }
        console.log(JSON.stringify(seen));`);
      const growth = seen.at(-1)! / seen[4]! - 1;
      assert.ok(growth < 0.05, `grew by ${(growth * 100).toFixed(1)} %: ${mebibytes(seen)} MiB`);
    });

    test('large outputs are given back', () => {
      const seen = levels(`
        const model = await load(${JSON.stringify(tiny)});
        const x = new Tensor('float32', new Float32Array(1 << 20));
        const seen = [];
        for (let round = 0; round < 10; round++) {
          for (let i = 0; i < 50; i++) await model.run([x]);
          seen.push(await rss());
        }
        console.log(JSON.stringify(seen));`);
      assert.ok(Math.max(...seen) < seen[0]! + 150 * 2 ** 20, `${mebibytes(seen)} MiB`);
    });
  });
}

test('torch models that are dropped without close are collected', { skip: needsTorch }, () => {
  const seen = levels(`
    const x = new Tensor('float32', new Float32Array(3 * 64 * 64), [1, 3, 64, 64]);
    const seen = [];
    for (let cycle = 0; cycle < 20; cycle++) {
      await (await load(${JSON.stringify(join(bundledModel, '1/model.pt'))})).run([x]);
      seen.push(await rss());
    }
    console.log(JSON.stringify(seen));`);
  assert.ok(seen.at(-1)! / seen[2]! < 1.05, `${mebibytes(seen)} MiB`);
});

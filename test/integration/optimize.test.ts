import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { load, optimize } from 'infernode';
import { bundledModel, repository } from '../support/test-data.js';
import { needsTorch } from '../support/torch.js';
import { answer, cli, place, samples, tune, tuneOnnx } from '../support/tuning.js';

describe('optimize', () => {
  test('writes a model folder that loads like any model and answers as the float model does', async (t) => {
    const folder = await place(t);
    const output = join(folder, 'tuned');
    const seen: string[] = [];
    const report = await tune(output, {
      onProgress: ({ stage, fraction }) => {
        assert.ok(fraction >= 0 && fraction <= 1);
        seen.push(stage);
      },
    });
    for (const stage of ['samples', 'reference', 'build', 'measure', 'write', 'done'])
      assert.ok(seen.includes(stage), stage);
    assert.deepEqual(
      JSON.parse(await readFile(join(output, 'report.json'), 'utf8')),
      JSON.parse(JSON.stringify(report)),
    );
    const chosen = report.candidates.filter(({ verdict }) => verdict === 'chosen');
    assert.equal(chosen.length, 1);
    assert.equal(chosen[0]!.name, report.chosen);
    assert.ok(chosen[0]!.accuracy!.cosine > 0.99);
    const names = [...report.samples.calibration, ...report.samples.validation];
    assert.deepEqual(names.sort(), (await readdir(samples)).sort());
    const backends = new Set(report.candidates.map(({ backend }) => backend));
    assert.ok(backends.has('onnx'));
    for (const { name, latencyMs, busyLatencyMs } of report.playOff) {
      assert.match(report.candidates.find((each) => each.name === name)!.verdict, /right|chosen/);
      assert.ok(latencyMs! > 0 && busyLatencyMs! > 0);
    }
    for (const { verdict, measurement, reason } of report.candidates) {
      if (verdict === 'right' || verdict === 'chosen') assert.ok(measurement!.latencyMs > 0);
      else assert.notEqual(reason, '');
    }
    const [tuned, float] = [await answer(output), await answer(bundledModel)];
    const best = (scores: Float32Array) => scores.indexOf(Math.max(...scores));
    assert.equal(best(tuned), best(float));
    const script = `import { load, Tensor } from 'infernode';
      const model = await load(${JSON.stringify(output)});
      const x = new Tensor('float32', new Float32Array(3 * 64 * 64).fill(0.5), [1, 3, 64, 64]);
      console.log(JSON.stringify(Array.from(Object.values(await model.run([x]))[0].data)));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { cwd: repository });
    assert.deepEqual(Float32Array.from(JSON.parse(String(stdout)) as number[]), tuned, String(stderr));
  });

  test('keeps how pictures were prepared, though no model.json said it', async (t) => {
    const folder = await place(t);
    const output = join(folder, 'tuned');
    const model = join(bundledModel, '1/model.onnx');
    await optimize(model, { calibration: samples, output, threads: [1], images: { crop: 64, mean: [0.25] } });
    await using tuned = await load(output);
    const image = tuned.config!.processing!.image!;
    assert.deepEqual([image.crop, image.mean, image.scale], [64, [0.25], 1 / 255]);
    assert.equal((await stat(output)).mode & 0o777, 0o755);
  });

  test('is remembered: by a second run, and by precision auto; a broken entry is made anew', async (t) => {
    const folder = await place(t);
    const first = await tuneOnnx(join(folder, 'a'));
    assert.equal(first.cached, false);
    const second = await tuneOnnx(join(folder, 'b'));
    assert.equal(second.cached, true);
    assert.deepEqual(await answer(join(folder, 'b')), await answer(join(folder, 'a')));
    {
      await using model = await load(bundledModel, { precision: 'auto' });
      assert.match(model.choice.reason, /^tuned/);
      assert.ok(model.file.startsWith(join(folder, 'cache')), model.file);
      await using saved = await load(bundledModel);
      assert.ok(saved.file.startsWith(bundledModel));
    }
    await using model = await load(bundledModel, { precision: 'auto' });
    await truncate(model.file, 100);
    assert.equal((await tuneOnnx(join(folder, 'c'))).cached, false);
    assert.equal((await tuneOnnx(join(folder, 'd'), { maxDrop: 0.02 })).cached, false);
  });

  test('may run twice at once', async (t) => {
    const folder = await place(t);
    const reports = await Promise.all(['a', 'b'].map((name) => tuneOnnx(join(folder, name))));
    for (const { output } of reports) assert.equal((await answer(output)).length, 10);
    assert.equal((await tuneOnnx(join(folder, 'c'))).cached, true);
  });

  test('given up leaves nothing behind: no folder, no file, no process', async (t) => {
    const folder = await place(t);
    const [scratch, parent] = [join(folder, 'tmp'), join(folder, 'out')];
    await mkdir(scratch);
    await mkdir(parent);
    const args = ['optimize', bundledModel, '--calibration', samples, '-o', join(parent, 'tuned'), '--json'];
    const child = spawn(process.execPath, [cli, ...args], { env: { ...process.env, TMPDIR: scratch } });
    let out = '';
    child.stdout.on('data', (text) => {
      out += text;
    });
    const children = () =>
      spawnSync('pgrep', ['-P', String(child.pid), '-f', 'candidate-child'])
        .stdout.toString()
        .trim();
    while (children() === '') await new Promise((resolve) => setTimeout(resolve, 50));
    const pids = children().split('\n');
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    assert.equal(code, 1);
    assert.equal(JSON.parse(out).error.code, 'INF_ABORTED');
    assert.deepEqual([await readdir(scratch), await readdir(parent)], [[], []]);
    for (const pid of pids) assert.throws(() => process.kill(Number(pid), 0), /ESRCH/);
  });

  for (const backend of ['torch', 'onnx'] as const) {
    const skip = backend === 'torch' && needsTorch;
    test(`keeps sensitive layers in float32 where INT8 loses too much, ${backend}`, { skip }, async (t) => {
      const folder = await place(t);
      const { candidates } = await tune(join(folder, 'int8'), { backend });
      const cosines = candidates.flatMap(({ precision, accuracy }) => (precision === 'int8' && accuracy?.cosine) || []);
      // By how much INT8 misses it differs from CPU to CPU.
      const maxDrop = 0.85 * (1 - Math.max(...cosines));
      const report = await tune(join(folder, 'tuned'), { backend, maxDrop });
      const lost = report.candidates.filter(
        ({ verdict, precision }) => verdict === 'inaccurate' && precision === 'int8',
      );
      assert.ok(lost.length > 0);
      const mixed = report.candidates.find(({ exclude }) => exclude !== undefined);
      assert.ok(mixed !== undefined && mixed.exclude!.length > 0);
      assert.ok(mixed.verdict === 'right' || mixed.verdict === 'chosen', mixed.reason);
      assert.ok(mixed.accuracy!.cosine >= 1 - maxDrop);
    });
  }
});

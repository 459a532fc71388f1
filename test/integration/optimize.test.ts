import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { load, type OptimizeOptions, type OptimizeReport, optimize, Tensor, writeNpy } from 'infernode';
import { rejects } from '../support/expect-error.js';
import { bundledModel, dataFile, needsTestData, repository } from '../support/test-data.js';
import { fixture, needsTorch } from '../support/torch.js';
import { noiseTensor } from '../unit/conversion/onnx/models.js';
import { makeFolder } from '../unit/support/files.js';

const samples = join(bundledModel, 'samples');
const cli = join(repository, 'dist/cli/main.js');

/** A folder to write to, and a cache that no other test has. */
async function place(t: TestContext): Promise<string> {
  const folder = await makeFolder(t, {});
  const kept = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = join(folder, 'cache');
  t.after(() => {
    if (kept === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = kept;
  });
  return folder;
}

/** Tunes the bundled model; the shortest way there is. */
const tune = (output: string, more: Partial<OptimizeOptions> = {}) =>
  optimize(bundledModel, { calibration: samples, output, threads: [1], ...more });

const tuneOnnx = (output: string, more: Partial<OptimizeOptions> = {}) => tune(output, { backend: 'onnx', ...more });

async function answer(model: string): Promise<Float32Array> {
  await using loaded = await load(model);
  const input = new Tensor('float32', new Float32Array(3 * 64 * 64).fill(0.5), [1, 3, 64, 64]);
  return Object.values(await loaded.run([input]))[0]!.data as Float32Array;
}

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

  test('tells what is known of the labels, and refuses a class that the model has not', async (t) => {
    const folder = await place(t);
    const names = await readdir(samples);
    const some = names.slice(0, -1);
    const labels = Object.fromEntries(some.map((name, index) => [name, index % 10]));
    const report = await tuneOnnx(join(folder, 'tuned'), { labels, calibrationSamples: 1, maxDrop: 0.5 });
    assert.equal(report.reference.labelled, report.samples.validation.filter((name) => name in labels).length);
    const missing = report.samples.validation.includes(names.at(-1)!);
    assert.equal(report.warnings.length, missing ? 1 : 0);
    if (missing) assert.ok(report.warnings[0]!.endsWith(names.at(-1)!), report.warnings[0]);
    const beyond = { ...labels, [some[0]!]: 10 };
    const tuning = tuneOnnx(join(folder, 'b'), { labels: beyond });
    await rejects(tuning, 'INF_CALIBRATION_INVALID', some[0]!, 'class 10', '10 classes');
  });

  test('writes what the last comparison measured', async (t) => {
    const { playOff, candidates, chosen } = await tuneOnnx(join(await place(t), 'tuned'));
    const names = candidates
      .filter(({ verdict }) => verdict === 'right' || verdict === 'chosen')
      .map(({ name }) => name);
    for (const { name, latencyMs, busyLatencyMs } of playOff) {
      assert.ok(names.includes(name));
      assert.ok(latencyMs! > 0 && busyLatencyMs! > 0);
    }
    if (playOff.length > 0) assert.ok(playOff.some(({ name }) => name === chosen));
  });

  test('of a model that is INT8 already compares runtimes and threads, and says so', {
    skip: needsTorch,
  }, async (t) => {
    const folder = await place(t);
    const calibration = [1, 2, 3, 4].map((seed) => ({ x: noiseTensor([1, 16], seed) }));
    const model = fixture('quantize-already.pt');
    const report = await optimize(model, { calibration, output: join(folder, 'tuned'), threads: [1] });
    const tried = report.candidates.filter(({ verdict }) => verdict !== 'skipped');
    assert.deepEqual(
      tried.map(({ name, precision, verdict }) => [name, precision, verdict]),
      [['torch int8 as saved, 1 thread', 'int8', 'chosen']],
    );
    assert.match(report.warnings[0]!, /quantized already/);
    await using tuned = await load(join(folder, 'tuned'));
    await using saved = await load(model);
    assert.deepEqual(await tuned.run(calibration[0]!), await saved.run(calibration[0]!));
  });

  test('with a full disk fails with a code, and leaves nothing', async (t) => {
    const folder = await place(t);
    const [scratch, parent] = [join(folder, 'tmp'), join(folder, 'out')];
    await mkdir(scratch);
    await mkdir(parent);
    const args = [cli, 'optimize', bundledModel, '--calibration', samples, '-o', join(parent, 'tuned'), '--json'];
    // No file may grow beyond 100 blocks of 1024 bytes; the model has 900 kB.
    const shell = ['-c', 'ulimit -f 100 && exec "$0" "$@"', process.execPath, ...args, '--threads', '1'];
    const env = { ...process.env, TMPDIR: scratch };
    const { stdout, status } = spawnSync('bash', shell, { env, encoding: 'utf8' });
    const { code, message } = JSON.parse(stdout).error;
    assert.deepEqual([status, code], [1, 'INF_CONVERSION_FAILED']);
    assert.match(message, /cannot be written: EFBIG/);
    assert.deepEqual(await readdir(parent), []);
    const left = await readdir(scratch, { recursive: true });
    assert.deepEqual(left, []);
  });

  for (const backend of ['torch', 'onnx'] as const) {
    const skip = backend === 'torch' && needsTorch;
    test(`keeps sensitive layers in float32 where INT8 loses too much, ${backend}`, { skip }, async (t) => {
      const folder = await place(t);
      // The bundled model in INT8 comes to a cosine of about 0.999.
      const maxDrop = 8e-4;
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

describe('samples that cannot be used', () => {
  const cases: [what: string, files: Record<string, string | Uint8Array>, says: string | RegExp][] = [
    ['none', {}, 'has no samples'],
    ['one only', { 'a.npy': writeNpy(new Tensor('float32', new Float32Array(12288), [1, 3, 64, 64])) }, 'at least 2'],
    [
      'NaN',
      Object.fromEntries(
        ['a', 'b'].map((name) => [
          `${name}.npy`,
          writeNpy(new Tensor('float32', new Float32Array(12288).fill(Number.NaN), [1, 3, 64, 64])),
        ]),
      ),
      /Sample [ab]\.npy: element 0 of input "\w+" is NaN/,
    ],
    [
      'of the wrong shape',
      Object.fromEntries(
        ['a', 'b', 'c'].map((name) => [`${name}.npy`, writeNpy(new Tensor('float32', new Float32Array(12), [1, 12]))]),
      ),
      /Sample [abc]\.npy does not fit the model/,
    ],
    ['broken', { 'a.npy': 'text', 'b.npy': 'text' }, /Sample [ab]\.npy: .*it is no \.npy file/],
  ];
  for (const [what, files, says] of cases) {
    test(what, async (t) => {
      const folder = await place(t);
      const calibration = await makeFolder(t, files);
      await rejects(tune(join(folder, 'tuned'), { calibration }), 'INF_CALIBRATION_INVALID', says);
      assert.deepEqual((await readdir(folder)).includes('tuned'), false);
    });
  }

  test('a folder that is not there, labels that name none of them, and a place that is taken', async (t) => {
    const folder = await place(t);
    const output = join(folder, 'tuned');
    await rejects(tune(output, { calibration: join(folder, 'gone') }), 'INF_CALIBRATION_INVALID', 'cannot be read');
    await rejects(tune(output, { labels: { 'other.png': 1 } }), 'INF_CALIBRATION_INVALID', 'name none of the samples');
    await writeFile(join(folder, 'classes.csv'), 'file,label\nstar.png,asteroid\n');
    const labels = join(folder, 'classes.csv');
    await rejects(tune(output, { labels }), 'INF_FILE_INVALID', 'star.png is "asteroid"');
    await cp(samples, output, { recursive: true });
    await rejects(tune(output), 'INF_OPTION_INVALID', 'is in the way');
    assert.deepEqual((await readdir(output)).sort(), (await readdir(samples)).sort());
  });
});

test('a program that looks at images as rows runs in BF16 and INT8', {
  skip: needsTorch || needsTestData,
}, async (t) => {
  const folder = await place(t);
  const pictures = dataFile('images/cifar10');
  const chosen = (await readdir(pictures)).filter((name) => name.endsWith('.jpg')).filter((_, i) => i % 20 === 0);
  const calibration = await makeFolder(t, {});
  for (const name of chosen) await cp(join(pictures, name), join(calibration, name));
  const report = await optimize(dataFile('models/torchscript/kserve_cifar10_net.pt'), {
    calibration,
    output: join(folder, 'tuned'),
    threads: [1],
    images: { scale: 1 / 127.5, mean: [1] },
  });
  const tried = report.candidates.filter(({ verdict }) => verdict !== 'skipped');
  assert.ok(tried.some(({ precision }) => precision === 'int8'));
  for (const { name, verdict, reason } of tried)
    assert.ok(verdict === 'right' || verdict === 'chosen', `${name} ${reason}`);
});

test('elements of a tuple may be files of their own', { skip: needsTorch || needsTestData }, async (t) => {
  const folder = await place(t);
  const files = [1, 2, 3, 4].flatMap((seed) => [
    [`${seed}/x.npy`, writeNpy(noiseTensor([1, 1, 2], seed))],
    [`${seed}/hc0.0.npy`, writeNpy(noiseTensor([2, 1, 8], seed))],
    [`${seed}/hc0.1.npy`, writeNpy(noiseTensor([2, 1, 8], seed + 9))],
  ]);
  const calibration = await makeFolder(t, Object.fromEntries(files));
  const model = dataFile('models/torchscript/anydrive_v3_lstm.pt');
  const report = await optimize(model, { calibration, output: join(folder, 'tuned'), threads: [1], maxDrop: 0.5 });
  assert.deepEqual([...report.samples.calibration, ...report.samples.validation].sort(), ['1', '2', '3', '4']);
  assert.ok(
    report.candidates.some(({ name, verdict }) => name.startsWith('torch fp32') && /right|chosen/.test(verdict)),
  );
});

test('a trained classifier keeps its accuracy, and reports what infernode run finds', {
  skip: needsTorch || needsTestData,
}, async (t) => {
  const folder = await place(t);
  const pictures = dataFile('images/cifar10');
  const chosen = (await readdir(pictures)).filter((name) => name.endsWith('.jpg')).filter((_, i) => i % 5 === 0);
  const calibration = await makeFolder(t, {});
  for (const name of chosen) await cp(join(pictures, name), join(calibration, name));
  const model = join(folder, 'resnet20');
  await mkdir(join(model, '1'), { recursive: true });
  for (const [from, to] of [
    ['torchscript/resnet20_cifar10_fp32.pt', 'model.pt'],
    ['onnx/resnet20_cifar10_fp32.onnx', 'model.onnx'],
  ]) {
    await cp(dataFile(`models/${from}`), join(model, '1', to!));
  }
  const image = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
  await writeFile(join(model, 'model.json'), JSON.stringify({ processing: { image } }));
  const output = join(folder, 'tuned');
  const labels = dataFile('images/cifar10/labels.csv');
  const report: OptimizeReport = await optimize(model, { calibration, labels, output, threads: [1] });
  const best = report.candidates.find(({ verdict }) => verdict === 'chosen')!;
  assert.equal(best.precision, 'int8');
  assert.ok(report.reference.top1! - best.accuracy!.top1! <= 0.01);

  const classes = new Map(
    (await readFile(labels, 'utf8')).split('\n').map((line) => line.split(',') as [string, string]),
  );
  const inputs = report.samples.validation.flatMap((name) => ['--input', join(calibration, name)]);
  const args = ['run', output, ...inputs, '--top', '1', '--json'];
  const { stdout } = spawnSync(process.execPath, [cli, ...args], { maxBuffer: 2 ** 28 });
  const run = JSON.parse(String(stdout));
  const calls: { files: string[]; top: { rows: { index: number }[][] } }[] = run.calls ?? [run];
  let right = 0;
  for (const { files, top } of calls) {
    files.forEach((file, row) => {
      if (top.rows[row]![0]!.index === Number(classes.get(basename(file)))) right++;
    });
  }
  assert.equal(right / report.samples.validation.length, best.accuracy!.top1);
});

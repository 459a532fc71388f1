import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { load } from 'infernode';
import { writeNpy } from '#src/tensor/npy';
import { Tensor } from '#src/tensor/tensor';
import { writeModel } from '../../support/onnx-builder.js';
import { repository } from '../../support/test-data.js';
import { fixture } from '../../support/torch.js';
import { matMul, noiseTensor } from '../conversion/onnx/models.js';
import { makeFolder } from '../support/files.js';

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command with caches and scratch folders of its own; `onStart` gets the process. */
async function optimize(
  t: TestContext,
  args: readonly string[],
  onStart: (kill: () => void, scratch: string) => void = () => {},
  cache?: string,
): Promise<Result & { scratch: string }> {
  const scratch = await makeFolder(t, {});
  const env = {
    ...process.env,
    INFERNODE_DEBUG: '',
    XDG_CACHE_HOME: cache ?? (await makeFolder(t, {})),
    TMPDIR: scratch,
  };
  const child = spawn(process.execPath, [join(repository, 'dist/cli/main.js'), 'optimize', ...args], { env });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  onStart(() => child.kill('SIGINT'), scratch);
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve({ code, out, err, scratch }));
  });
}

const GIVEN = ['--calibration', '/no/such/samples', '-o', '/no/such/output'];
const model = fixture('tiny.onnx');

/** What of Infernode is in a scratch folder; runtimes keep files of their own there. */
function leftIn(scratch: string): string[] {
  return readdirSync(scratch, { recursive: true, encoding: 'utf8' }).filter((path) => path.startsWith('infernode-'));
}

/** Calibration samples and a model of one matrix product. */
async function makeModel(t: TestContext) {
  const samples = Object.fromEntries(
    [1, 2, 3, 4, 5, 6].map((seed) => [`samples/${seed}.npy`, writeNpy(noiseTensor([1, 8], seed))]),
  );
  const folder = await makeFolder(t, samples);
  const file = await writeModel(join(folder, 'model.onnx'), matMul());
  return { file, samples: join(folder, 'samples'), output: join(folder, 'tuned') };
}

describe('a command line that cannot be right ends with exit code 2', () => {
  const refused: [args: string[], message: RegExp][] = [
    [[...GIVEN], /missing required argument 'model'/],
    [[model], /required option '--calibration <dir>' not specified/],
    [[model, '--calibration', 'x'], /required option '-o, --output <dir>' not specified/],
    [[model, ...GIVEN, '--max-drop', '1'], /Expected a share, such as 0\.01/],
    [[model, ...GIVEN, '--max-drop', ''], /Expected a share/],
    [[model, ...GIVEN, '--objective', 'speed'], /Allowed choices are latency, throughput, memory/],
    [[model, ...GIVEN, '--backend', 'tensorflow'], /Allowed choices are auto, torch, onnx/],
    [[model, ...GIVEN, '--threads', '1,zero'], /whole number from 1/],
    [[model, ...GIVEN, '--threads', '1,99999'], /Option threads must be integers from 1/],
    [[model, ...GIVEN, '--calibration-samples', '0'], /whole number from 1/],
    [[model, ...GIVEN, '--calibratoin', 'x'], /unknown option '--calibratoin' \(did you mean --calibration\?\)/],
    [[model, '--calibration', 'x', '-o', repository], /in the way/],
  ];
  for (const [args, message] of refused) {
    test(`optimize ${args.map((arg) => arg.replace(repository, '.')).join(' ')}`, async (t) => {
      const { code, out, err } = await optimize(t, args);
      assert.match(err, message);
      assert.equal(code, 2);
      assert.equal(out, '');
    });
  }
});

describe('what cannot be done ends with exit code 1', () => {
  test('without a model', async (t) => {
    const { code, err } = await optimize(t, ['/no/such/model.pt', ...GIVEN]);
    assert.match(err, /INF_MODEL_NOT_FOUND/);
    assert.equal(code, 1);
  });

  test('without samples, as JSON', async (t) => {
    const output = join(await makeFolder(t, {}), 'tuned');
    const { code, out, err } = await optimize(t, [model, '--calibration', '/no/such/samples', '-o', output, '--json']);
    assert.equal(JSON.parse(out).error.code, 'INF_CALIBRATION_INVALID');
    assert.deepEqual([code, err], [1, '']);
    assert.equal(existsSync(output), false);
  });

  test('with samples that do not fit the model', { timeout: 60_000 }, async (t) => {
    const { file, output } = await makeModel(t);
    const sample = writeNpy(new Tensor('float32', new Float32Array(7), [1, 7]));
    const samples = await makeFolder(t, { 'a.npy': sample, 'b.npy': sample });
    const { code, err, scratch } = await optimize(t, [file, '--calibration', samples, '-o', output]);
    assert.match(err, /Sample [ab]\.npy does not fit the model: .*\(INF_CALIBRATION_INVALID\)/);
    assert.equal(code, 1);
    assert.deepEqual(leftIn(scratch), []);
  });

  test('when it is interrupted; nothing is written then', { timeout: 60_000 }, async (t) => {
    const { file, samples, output } = await makeModel(t);
    const args = [file, '--calibration', samples, '-o', output, '--threads', '1'];
    const { code, err, scratch } = await optimize(t, args, (interrupt, folder) => {
      // The first file in the scratch folder is that of a conversion, some way into the work.
      const timer = setInterval(() => {
        if (leftIn(folder).length < 2) return;
        clearInterval(timer);
        interrupt();
      }, 20);
      t.after(() => clearInterval(timer));
    });
    assert.match(err, /INF_ABORTED/);
    assert.equal(code, 1);
    assert.equal(existsSync(output), false);
    assert.deepEqual(leftIn(scratch), []);
  });
});

test('a model is tuned, told about, and the next time taken from the cache', { timeout: 120_000 }, async (t) => {
  const { file, samples, output } = await makeModel(t);
  const cache = await makeFolder(t, {});
  const args = [file, '--calibration', samples, '-o', output, '--threads', '1', '--max-drop', '0.1'];
  const first = await optimize(t, [...args, '--json'], undefined, cache);
  const lines = first.err.trimEnd().split('\n');
  assert.match(lines[0]!, /^ *\d+% {2}measure onnx fp32, 1 thread$/);
  const report = JSON.parse(first.out);
  assert.equal(first.code, 0);
  const measured = report.candidates.filter(({ verdict }: { verdict: string }) => verdict !== 'skipped');
  assert.deepEqual(
    lines.map((line) => line.replace(/^.*measure /, '')),
    measured.map(({ name }: { name: string }) => name),
  );
  assert.deepEqual([report.cached, report.objective, report.maxDrop, report.output], [false, 'latency', 0.1, output]);
  assert.deepEqual([report.samples.calibration.length, report.samples.validation.length], [3, 3]);
  assert.ok(report.candidates.length >= 4);
  assert.deepEqual(leftIn(first.scratch), []);
  await using tuned = await load(output);
  await using float = await load(file);
  const input = noiseTensor([1, 8], 99);
  assert.deepEqual((await tuned.run([input])).y!.shape, (await float.run([input])).y!.shape);

  const second = await optimize(t, args, undefined, cache);
  assert.equal(second.code, 0);
  assert.match(second.out, /candidate +latency/);
  assert.ok(second.out.includes(`chosen: ${report.chosen}`));
  assert.match(second.out, /from the cache of an earlier run/);
  assert.equal(second.err, '');
});

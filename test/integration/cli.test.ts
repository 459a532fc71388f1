import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readNpy, writeNpy } from '#src/tensor/npy';
import { Tensor } from '#src/tensor/tensor';
import { bundledModel, dataFile, needsTestData, repository } from '../support/test-data.js';
import { makeFolder } from '../unit/support/files.js';

interface Result {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line as a user does. */
function infernode(...args: string[]): Promise<Result> {
  const env = { ...process.env, INFERNODE_DEBUG: '' };
  const child = spawn(process.execPath, [join(repository, 'dist/cli/main.js'), ...args], { cwd: repository, env });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve({ code, out, err }));
  });
}

const ONNX = ['--backend', 'onnx'];
const sample = (name: string) => join(bundledModel, 'samples', `${name}.png`);

// biome-ignore lint/suspicious/noExplicitAny: the shape of the JSON is what is tested
async function json(...args: string[]): Promise<{ code: number | null; value: any; err: string }> {
  const { code, out, err } = await infernode(...args, '--json');
  return { code, value: JSON.parse(out), err };
}

test('help and version', async () => {
  const help = await infernode('--help');
  assert.equal(help.code, 0);
  for (const word of ['run', 'inspect', 'doctor', 'Examples:', 'Exit codes']) assert.match(help.out, new RegExp(word));
  const { version } = JSON.parse(await readFile(join(repository, 'package.json'), 'utf8'));
  assert.deepEqual(await infernode('--version'), { code: 0, out: `${version}\n`, err: '' });
  const bare = await infernode();
  assert.equal(bare.code, 2);
  assert.match(bare.err, /Usage: infernode/);
});

const USAGE: [args: string[], message: RegExp][] = [
  [['rnu'], /unknown command 'rnu' \(did you mean run\?\)/],
  [['run'], /missing required argument 'model'/],
  [['run', 'x', '--inptu', 'y'], /unknown option '--inptu' \(did you mean --input\?\)/],
  [['run', 'x', '--backend', 'tensorflow'], /Allowed choices are auto, torch, onnx/],
  [['run', 'x', '--threads', '0'], /whole number from 1/],
  [['run', 'x', '--device', 'gpu'], /auto, cpu, cuda or cuda:N/],
  [['run', 'x', '--resize', 'big'], /240x320/],
  [['run', 'x', '--mean', '1,2'], /1 or 3 numbers/],
  [['run', 'x', '--scale', '1/'], /a fraction/],
];

for (const [args, message] of USAGE) {
  test(`bad usage: ${args.join(' ')}`, async () => {
    const { code, out, err } = await infernode(...args);
    assert.equal(code, 2, err);
    assert.equal(out, '');
    assert.match(err, message);
    assert.match(err, /^error: .* \(INF_OPTION_INVALID\)\n$/, 'one line');
  });
}

test('a picture is classified by the settings and labels of model.json', async () => {
  const { code, out, err } = await infernode('run', bundledModel, ...ONNX, '--input', sample('star'));
  assert.equal(code, 0, err);
  assert.equal(err, '');
  const [best] = /^ +[\d.]+% .*$/m.exec(out)!;
  assert.match(best!, /9\d\.\d\d% {2}star$/);
});

test('run as JSON', async () => {
  const { code, value } = await json(
    'run',
    bundledModel,
    ...ONNX,
    '-i',
    sample('heart'),
    '--top',
    '2',
    '--repeat',
    '3',
  );
  assert.equal(code, 0);
  assert.equal(value.backend, 'onnx');
  assert.equal(value.device, 'cpu');
  assert.equal(value.format, 'onnx');
  assert.equal(value.repeat, 3);
  assert.ok(value.latencyMs > 0);
  assert.deepEqual(value.outputs.output.shape, [1, 10]);
  assert.equal(value.outputs.output.data[0].length, 10);
  assert.equal(value.top.output, 'output');
  assert.equal(value.top.rows[0].length, 2);
  assert.equal(value.top.rows[0][0].label, 'heart');
});

test('several pictures, or a folder of them, are one batch', async () => {
  const folder = await json('run', bundledModel, ...ONNX, '-i', join(bundledModel, 'samples'), '--top', '1');
  assert.deepEqual(folder.value.outputs.output.shape, [3, 10]);
  assert.deepEqual(
    folder.value.top.rows.flat().map((row: { label: string }) => row.label),
    ['arrow', 'heart', 'star'],
  );
  const files = await json('run', bundledModel, ...ONNX, '-i', sample('star'), '-i', `image=${sample('arrow')}`);
  assert.deepEqual(files.value.files, [sample('star'), sample('arrow')]);
  assert.deepEqual(
    files.value.top.rows.map((row: { label: string }[]) => row[0]!.label),
    ['star', 'arrow'],
  );
});

test('outputs are written as .npy, and .npy files are inputs', async (t) => {
  const input = new Tensor('float32', new Float32Array(2 * 3 * 64 * 64).fill(0.5), [2, 3, 64, 64]);
  const folder = await makeFolder(t, { 'x.npy': writeNpy(input) });
  const out = join(folder, 'new', 'out');
  const first = await json('run', bundledModel, ...ONNX, '-i', join(folder, 'x.npy'), '--output', out);
  assert.deepEqual(first.value.saved, [join(out, 'output.npy')]);
  const saved = readNpy(await readFile(join(out, 'output.npy')));
  assert.deepEqual(saved.shape, [2, 10]);
  assert.deepEqual(saved.toArray(), first.value.outputs.output.data);
});

test('flags override model.json', async (t) => {
  const folder = await makeFolder(t, { 'names.txt': 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n', 'few.txt': 'a\nb\n' });
  const run = (...args: string[]) => json('run', bundledModel, ...ONNX, '-i', sample('star'), ...args);
  const relabelled = await run('--labels', join(folder, 'names.txt'), '--no-softmax');
  assert.equal(relabelled.value.top.rows[0][0].label, 'd');
  assert.ok(relabelled.value.top.rows[0][0].score > 1, 'scores as they are');
  const plain = (await run()).value.outputs.output.data;
  assert.notDeepEqual((await run('--mean', '0.4')).value.outputs.output.data, plain);
  assert.deepEqual((await run('--mean', '0.5,0.5,0.5', '--scale', '1/255')).value.outputs.output.data, plain);
  const small = await run('--crop', '32');
  assert.equal(small.code, 1);
  assert.equal(small.value.error.code, 'INF_INPUT_SHAPE');
  assert.match(small.value.error.message, /\[1, 3, 32, 32\]: set --resize/);
  const few = await run('--labels', join(folder, 'few.txt'));
  assert.equal(few.code, 2);
  assert.match(few.value.error.message, /No output looks like scores of classes for 2 labels: output \[1, 10\]/);
});

test('errors are one line, or JSON on standard output', async (t) => {
  const folder = await makeFolder(t, {
    'pointer.onnx': 'version https://git-lfs.github.com/spec/v1\n',
    'x.json': '[[1],[1,2]]',
  });
  const missing = await infernode('run', join(bundledModel, '1/modle.onnx'));
  assert.equal(missing.code, 1);
  assert.match(
    missing.err,
    /^error: There is no model at .*\(did you mean "model.onnx"\?\) \(INF_MODEL_NOT_FOUND\)\n$/,
  );
  const pointer = await json('inspect', join(folder, 'pointer.onnx'));
  assert.equal(pointer.code, 1);
  assert.equal(pointer.err, '');
  assert.equal(pointer.value.error.code, 'INF_MODEL_FORMAT');
  assert.match(pointer.value.error.message, /git lfs pull/);
  const unnamed = await json('run', bundledModel, ...ONNX, '-i', `imgae=${sample('star')}`);
  assert.equal(unnamed.value.error.code, 'INF_INPUT_UNKNOWN');
  assert.match(unnamed.value.error.message, /did you mean "image"/);
  const none = await json('run', bundledModel, ...ONNX);
  assert.equal(none.value.error.code, 'INF_INPUT_MISSING');
  const ragged = await json('run', bundledModel, ...ONNX, '-i', join(folder, 'x.json'));
  assert.equal(ragged.value.error.code, 'INF_TENSOR_DATA');
  assert.match(ragged.value.error.message, /x\.json: The arrays are ragged: \[1\]/);
  const usage = await json('run', bundledModel, '--bakend', 'onnx');
  assert.equal(usage.code, 2);
  assert.equal(usage.value.error.code, 'INF_OPTION_INVALID');
});

test('--verbose shows causes', async (t) => {
  const folder = await makeFolder(t, { 'x.json': '{' });
  const args = ['run', bundledModel, ...ONNX, '-i', join(folder, 'x.json')];
  assert.doesNotMatch((await infernode(...args)).err, /caused by/);
  assert.match((await infernode(...args, '--verbose')).err, /\(INF_FILE_INVALID\)\n {2}caused by: .*JSON/);
});

test('inspect', async () => {
  const text = await infernode('inspect', bundledModel, ...ONNX);
  assert.equal(text.code, 0, text.err);
  assert.match(text.out, /in +image +float32 \[batch, 3, 64, 64\]/);
  assert.match(text.out, /out +output +float32 \[batch, 10\]/);
  assert.match(text.out, /\d+ +Conv$/m);
  const { value } = await json('inspect', bundledModel, ...ONNX);
  assert.equal(value.format, 'onnx');
  assert.equal(value.fileBytes, (await stat(join(bundledModel, '1/model.onnx'))).size);
  assert.equal(value.methods.forward.inputs[0].name, 'image');
  assert.ok(value.parameters.count > 200_000);
  assert.ok(value.ops.Conv > 0);
  assert.equal(value.stateful, false);
  assert.equal(value.config.processing.labels.length, 10);
});

test('doctor', async () => {
  const { code, value } = await json('doctor');
  assert.equal(code, 0);
  assert.equal(value.ok, true);
  assert.equal(value.system.node, process.version);
  assert.ok(value.system.cores >= 1 && value.system.threads >= 1 && value.system.memoryBytes > 0);
  assert.equal(value.sharp.available, true);
  const names = value.backends.map(({ name }: { name: string }) => name);
  assert.deepEqual(names.sort(), ['onnx', 'torch']);
  const text = await infernode('doctor');
  assert.match(text.out, /onnx .*works/);
  assert.match(text.out, /torch.*: (works|missing)/);
});

test('a reader that stops early is no failure', async () => {
  const child = spawn(
    process.execPath,
    [join(repository, 'dist/cli/main.js'), 'inspect', bundledModel, ...ONNX, '--json'],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  child.stdout.destroy();
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    err += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.deepEqual([code, err], [0, '']);
});

test('scalars on the command line, several inputs and outputs', { skip: needsTestData }, async (t) => {
  const folder = await makeFolder(t, {
    'x.json': JSON.stringify([new Array(512).fill(0.01)]),
    'state.npy': writeNpy(new Tensor('float32', new Float32Array(256), [2, 1, 128])),
  });
  const model = dataFile('models/onnx/silero_vad.onnx');
  const inputs = ['-i', `input=${join(folder, 'x.json')}`, '-i', `state=${join(folder, 'state.npy')}`];
  const { code, value } = await json('run', model, ...ONNX, ...inputs, '-i', 'sr=16000', '--output', folder);
  assert.equal(code, 0);
  assert.deepEqual(value.outputs.output.shape, [1, 1]);
  assert.deepEqual(value.outputs.stateN.shape, [2, 1, 128]);
  assert.deepEqual(value.saved, [join(folder, 'output.npy'), join(folder, 'stateN.npy')]);
  const missing = await json('run', model, ...ONNX, ...inputs);
  assert.match(missing.value.error.message, /Input sr is missing/);
  const unnamed = await json('run', model, ...ONNX, '-i', join(folder, 'x.json'));
  assert.equal(unnamed.code, 2);
  assert.match(unnamed.value.error.message, /which input/);
});

test('a model without model.json takes its settings from flags', { skip: needsTestData }, async () => {
  const { value } = await json(
    ...['run', dataFile('models/onnx/mobilenet_v2_fp32.onnx'), ...ONNX],
    ...['-i', dataFile('images/imagenet/0001_n01443537.jpg'), '--crop', '224'],
    ...['--mean', '0.485,0.456,0.406', '--std', '0.229,0.224,0.225'],
    ...['--labels', dataFile('images/imagenet_class_index.json'), '--top', '1'],
  );
  assert.equal(value.top.rows[0][0].label, 'goldfish');
});

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import type { Session } from '#src/backends/backend';
import { TorchBackend } from '#src/backends/torch/backend';
import { Tensor } from '#src/tensor/tensor';
import { rejects } from '../../../support/expect-error.js';
import { fixture, needsTorch } from '../../../support/torch.js';

const backend = new TorchBackend();
const matrix = new Tensor('float32', new Float32Array(256 * 256).fill(0.01), [256, 256]);
const open = (name: string, instances?: number, threads = 1) =>
  backend.load(fixture(`${name}.pt`), 'torchscript', {
    device: 'cpu',
    threads,
    ...(instances === undefined ? {} : { instances }),
  });

/** The order in which a long call and the short ones after it end. */
async function order(session: Session): Promise<string[]> {
  const ended: string[] = [];
  const long = session.run('forward', [matrix, 2000]).then(() => ended.push('long'));
  for (let i = 0; i < 3; i++) {
    await session.run('forward', [matrix, 1]);
    ended.push('short');
  }
  await long;
  return ended;
}

describe('instances of a torch model', { skip: needsTorch }, () => {
  test('there is one unless more are asked for', async () => {
    const session = await open('slow');
    assert.equal(session.info.instances, 1);
    assert.deepEqual(await order(session), ['long', 'short', 'short', 'short']);
    await session.close();
  });

  test('run at once: calls pass one that is being computed', async () => {
    const session = await open('slow', 2);
    assert.equal(session.info.instances, 2);
    // On a busy machine the long call may end before the last of the short ones.
    assert.equal((await order(session))[0], 'short');
    await session.close();
  });

  test('hold the weights once', async () => {
    const [one, three] = [await open('encoder'), await open('encoder', 3)];
    assert.deepEqual(three.info.parameters, one.info.parameters);
    await Promise.all([one.close(), three.close()]);
  });

  const shapes: Record<string, number[]> = {
    tiny: [8],
    encoder: [2, 5, 8],
    'quantize-already': [2, 16],
    norms: [1, 3, 9, 9],
  };
  for (const [name, shape] of Object.entries(shapes)) {
    test(`answer as one does, each call its own: ${name}`, async () => {
      const [one, several] = [await open(name), await open(name, 3, 2)];
      const size = shape.reduce((a, b) => a * b, 1);
      const inputs = Array.from({ length: 60 }, (_, call) => {
        const values = Array.from({ length: size }, (_, i) => ((call * 31 + i * i * 7) % 13) / 4 - 1);
        return [new Tensor('float32', Float32Array.from(values), shape)];
      });
      const answers = await Promise.all(inputs.map((input) => several.run('forward', input)));
      for (const [call, input] of inputs.entries()) {
        const expected = (await one.run('forward', input)).output!.toNumbers();
        const got = answers[call]!.output!.toNumbers();
        // A product on two threads may add in another order.
        expected.forEach((value, i) => {
          assert.ok(Math.abs(got[i]! - value) < 1e-5, `call ${call}, element ${i}: ${got[i]}, not ${value}`);
        });
      }
      await Promise.all([one.close(), several.close()]);
    });
  }

  test('close waits for the calls in flight on all of them', async () => {
    const session = await open('slow', 3);
    const calls = Array.from({ length: 9 }, () => session.run('forward', [matrix, 20]));
    let ended = 0;
    for (const call of calls) void call.then(() => ended++);
    await Promise.all([session.close(), session.close()]);
    assert.equal(ended, 9);
    await rejects(session.run('forward', [matrix, 1]), 'INF_MODEL_CLOSED');
  });

  test('waiting calls of each are taken out of their queues, and close follows', async () => {
    const session = await open('slow', 2);
    const abort = new AbortController();
    const running = [1, 2].map(() => session.run('forward', [matrix, 50]));
    // A million steps would take minutes.
    const waiting = [1, 2, 3, 4].map(() => session.run('forward', [matrix, 1_000_000], abort.signal));
    await Promise.resolve();
    abort.abort();
    for (const call of waiting) await rejects(call, 'INF_ABORTED');
    await session.close();
    assert.equal((await Promise.all(running)).length, 2);
  });

  test('blocking calls go to the one that is free', async () => {
    const session = await open('slow', 2);
    let ended = false;
    const long = session.run('forward', [matrix, 500]).then(() => {
      ended = true;
    });
    assert.equal(session.runSync('forward', [matrix, 1]).output!.size, 256 * 256);
    await Promise.resolve();
    assert.equal(ended, false);
    await long;
    await session.close();
  });

  test('a stateful model has one', async () => {
    await rejects(open('counter', 2), 'INF_OPTION_INVALID', 'state', '1 instance, not 2');
    const session = await open('counter', 1);
    assert.equal(session.info.stateful, true);
    await session.close();
  });

  test('two models share executors: their threads are those of one', () => {
    const source = `
      import { readdirSync, readFileSync } from 'node:fs';
      const { TorchBackend } = await import(${JSON.stringify(import.meta.resolve('#src/backends/torch/backend'))});
      const backend = new TorchBackend();
      const options = { device: 'cpu', threads: 1, instances: 2 };
      const load = (path) => backend.load(path, 'torchscript', options);
      await load(${JSON.stringify(fixture('tiny.pt'))});
      await load(${JSON.stringify(fixture('slow.pt'))});
      const names = readdirSync('/proc/self/task').map((id) => readFileSync('/proc/self/task/' + id + '/comm', 'utf8').trim());
      console.log(names.filter((name) => name === 'inf-executor').length);`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' });
    assert.equal(stdout.trim(), '2', stderr);
  });

  for (const end of ['process.exit(3);', 'setImmediate(() => { throw new Error("uncaught"); });']) {
    test(`a process may end while all of them run: ${end.split('(')[0]}`, () => {
      const source = `
        const { TorchBackend } = await import(${JSON.stringify(import.meta.resolve('#src/backends/torch/backend'))});
        const { Tensor } = await import(${JSON.stringify(import.meta.resolve('#src/tensor/tensor'))});
        const session = await new TorchBackend().load(${JSON.stringify(fixture('slow.pt'))}, 'torchscript', { device: 'cpu', threads: 1, instances: 3 });
        const x = new Tensor('float32', new Float32Array(256 * 256), [256, 256]);
        for (let i = 0; i < 30; i++) session.run('forward', [x, 50]);
        await new Promise((done) => setTimeout(done, 20));
        ${end}`;
      const { status, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', source]);
      assert.equal(signal, null);
      assert.equal(status, end.startsWith('process') ? 3 : 1);
    });
  }
});

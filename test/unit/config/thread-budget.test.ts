import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import { afterEach, mock, test } from 'node:test';
import { availableCores, defaultThreads } from '#src/config/thread-budget';

const V2 = '/sys/fs/cgroup/cpu.max';
const V1_QUOTA = '/sys/fs/cgroup/cpu/cpu.cfs_quota_us';
const V1_PERIOD = '/sys/fs/cgroup/cpu/cpu.cfs_period_us';

/** Makes the system look as if it had so many cores and these control files. */
function pretend(cores: number, files: Readonly<Record<string, string>>): void {
  mock.method(os, 'availableParallelism', () => cores);
  mock.method(fs, 'readFileSync', (path: string) => {
    const content = files[path];
    if (content === undefined) throw new Error(`ENOENT: ${path}`);
    return content;
  });
  syncBuiltinESMExports();
}

afterEach(() => {
  mock.restoreAll();
  syncBuiltinESMExports();
});

test('this machine has a core at least, and no more than the process may use', () => {
  const cores = availableCores();
  assert.ok(Number.isInteger(cores) && cores >= 1 && cores <= os.availableParallelism(), String(cores));
});

const budgets: [what: string, cores: number, files: Record<string, string>, budget: number, threads: number][] = [
  ['no quota: every core, one of them for the event loop', 8, {}, 8, 7],
  ['one core: one thread all the same', 1, {}, 1, 1],
  ['cgroup 2 without a quota', 8, { [V2]: 'max 100000\n' }, 8, 7],
  ['cgroup 2 with two CPUs', 64, { [V2]: '200000 100000\n' }, 2, 1],
  ['cgroup 2 with part of a CPU', 64, { [V2]: '150000 100000\n' }, 2, 1],
  ['cgroup 2 with half a CPU', 64, { [V2]: '50000 100000\n' }, 1, 1],
  ['cgroup 2 with more than the machine has', 4, { [V2]: '1600000 100000\n' }, 4, 3],
  ['cgroup 1 with four CPUs', 64, { [V1_QUOTA]: '400000\n', [V1_PERIOD]: '100000\n' }, 4, 3],
  ['cgroup 1 without a quota', 8, { [V1_QUOTA]: '-1\n', [V1_PERIOD]: '100000\n' }, 8, 7],
  ['a control file that says something else', 8, { [V2]: 'what\n' }, 8, 7],
];
for (const [what, cores, files, budget, threads] of budgets) {
  test(what, () => {
    pretend(cores, files);
    assert.deepEqual([availableCores(), defaultThreads()], [budget, threads]);
  });
}

const hasTaskset = fs.existsSync('/usr/bin/taskset');
test('the affinity mask counts', { skip: hasTaskset ? false : 'needs taskset' }, () => {
  const module = import.meta.resolve('#src/config/thread-budget');
  const script = `import(${JSON.stringify(module)}).then((m) => console.log(m.availableCores(), m.defaultThreads()))`;
  const [first] = /[\d]+/.exec(
    execFileSync('taskset', ['-cp', String(process.pid)], { encoding: 'utf8' }).split(':')[1]!,
  )!;
  const output = execFileSync('taskset', ['-c', first, process.execPath, '-e', script], { encoding: 'utf8' });
  assert.equal(output.trim(), '1 1');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLANS } from '../../../bench/plan.js';
import type { BenchResult } from '../../../bench/results/result.js';
import { baselineFor, bestOfEachKind, machineKind, resultPath } from '../../../bench/results/result-files.js';
import { measured, resultOf } from './result.js';

function result(date: string, mode: 'quick' | 'full', features: readonly string[]): BenchResult {
  const some = resultOf([]);
  return { ...some, date, plan: PLANS[mode], machine: { ...some.machine, cpu: { model: 'A CPU', features } } };
}

const older = ['avx2', 'fma'];
const newer = ['avx2', 'fma', 'avx512f', 'avx512_vnni'];
const fullOlder = result('2026-01-01', 'full', older);
const quickOlder = result('2026-01-03', 'quick', older);
const quickNewer = result('2026-01-02', 'quick', newer);

test('machines of one name are of different kinds if their instructions or cores differ', () => {
  assert.equal(machineKind(fullOlder.machine), 'a-cpu-2-avx2');
  assert.equal(resultPath('quick', quickNewer.machine), 'bench/results/quick-a-cpu-2-avx512-vnni.json');
  assert.notEqual(machineKind(fullOlder.machine), machineKind({ ...fullOlder.machine, cores: 8 }));
});

test('of each kind of machine the run of all is shown, else the newest', () => {
  assert.deepEqual(bestOfEachKind([quickOlder, fullOlder, quickNewer]), [quickNewer, fullOlder]);
  const complete = { ...fullOlder, measurements: [measured('Server', 'a', [1])] };
  assert.deepEqual(bestOfEachKind([quickNewer, complete]), [complete, quickNewer]);
  assert.deepEqual(bestOfEachKind([result('2025-01-01', 'quick', older), quickOlder]), [quickOlder]);
});

test('a result is held against one of the same kind of machine first, and of the same mode', () => {
  const now = (mode: 'quick' | 'full', features: readonly string[]) => result('2026-02-01', mode, features);
  const earlier = [fullOlder, quickOlder, quickNewer];
  assert.equal(baselineFor(now('full', older), earlier), fullOlder);
  assert.equal(baselineFor(now('quick', older), earlier), quickOlder);
  assert.equal(baselineFor(now('full', newer), earlier), quickNewer);
  assert.equal(baselineFor(now('quick', ['neon']), earlier), quickOlder);
  assert.equal(baselineFor(now('quick', older), []), null);
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { test } from 'node:test';
import { AwakeCores } from '../../../bench/scenarios/awake-cores.js';

/** States and scheduling policies of the processes that this one started. */
function children(): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'latin1')
        .replace(/^.*\) /s, '')
        .split(' ');
      return fields[1] === String(process.pid) ? [`${fields[0]} ${fields[38]}`] : [];
    } catch {
      return [];
    }
  });
}

async function until(states: readonly string[]): Promise<void> {
  while (children().join() !== states.join()) await new Promise(setImmediate);
}

test('a process on each core runs where no other does, and rests when told to', async (t) => {
  const cores = await AwakeCores.start();
  if (cores === null) return t.skip('cores cannot be kept from going idle here');
  t.after(() => cores.end());
  const SCHED_IDLE = 5;
  const all = (state: string) => cpus().map(() => `${state} ${SCHED_IDLE}`);
  await until(all('R'));
  const found = await cores.asleep(async () => {
    await until(all('T'));
    await cores.asleep(() => until(all('T')));
    assert.deepEqual(children(), all('T'));
    return 7;
  });
  assert.equal(found, 7);
  await until(all('R'));
  cores.end();
  await until([]);
});

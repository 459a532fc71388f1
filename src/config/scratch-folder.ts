import { mkdtempSync, readdirSync, readlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashOf } from './hash.js';

/** `infernode-MACHINE-PID-RANDOM`, hidden where it lies beside the user's own files. */
const NAME = /^\.?infernode-([0-9a-f]{8})-(\d+)-/;

const swept = new Set<string>();
let machine: string | undefined;

/**
 * Makes a new, empty folder for files of this process alone; whoever makes it removes it. Those of processes that were killed
 * before they could are removed at the first call.
 *
 * @param hidden whether its name begins with a dot
 * @throws NodeJS.ErrnoException if the parent cannot be written to
 */
export function makeScratchFolder(parent = tmpdir(), hidden = parent !== tmpdir()): string {
  machine ??= machineTag();
  if (!swept.has(parent)) {
    swept.add(parent);
    removeOrphans(parent, machine);
  }
  return mkdtempSync(join(parent, `${hidden ? '.' : ''}infernode-${machine}-${process.pid}-`));
}

function removeOrphans(parent: string, own: string): void {
  let names: string[] = [];
  try {
    names = readdirSync(parent);
  } catch {}
  for (const name of names) {
    const [, tag, pid] = NAME.exec(name) ?? [];
    if (tag !== own || isAlive(Number(pid))) continue;
    // Nobody waits for this; what somebody else owns stays.
    rm(join(parent, name), { recursive: true, force: true }).catch(() => {});
  }
}

/** A process number means something on one machine, and in one container of it, only. */
function machineTag(): string {
  let namespace = '';
  try {
    namespace = readlinkSync('/proc/self/ns/pid');
  } catch {}
  return hashOf(hostname(), namespace).slice(0, 8);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

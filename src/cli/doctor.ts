import type { Command } from 'commander';
import type { Attempt, BackendStatus } from '../backends/backend.js';
import { type SystemInfo, systemInfo } from '../config/system-info.js';
import { addOutputOptions } from './common-options.js';
import { formatBytes, print, printJson, table } from './output.js';
import { EXIT } from './report-error.js';

interface DoctorOptions {
  readonly json?: boolean;
  readonly libtorch?: string;
}

/** Adds `infernode doctor`. */
export function addDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('show which backends work here, and why the others do not')
    .option('--libtorch <dir>', 'folder of libtorch, if not found by itself')
    .action(doctor);
  addOutputOptions(command);
}

/** Exits with 0 if any backend works, and with it a libtorch that was named, else 1. */
async function doctor(options: DoctorOptions): Promise<void> {
  const { listBackends } = await import('../backends/registry.js');
  const { sharpStatus } = await import('../processing/sharp.js');
  const { libtorch } = options;
  const [backends, sharp] = await Promise.all([
    listBackends(libtorch === undefined ? { fresh: true } : { libtorch, fresh: true }),
    sharpStatus(),
  ]);
  const system = systemInfo();
  const needed = libtorch === undefined ? backends : backends.filter(({ name }) => name === 'torch');
  const ok = needed.some(({ available }) => available);
  if (options.json) printJson({ ok, system, backends, sharp });
  else {
    const verdict = ok
      ? []
      : [libtorch === undefined ? 'No backend works: no model can run here.' : `${libtorch} does not work.`];
    print([systemText(system, sharp), ...backends.map(backendText), ...verdict].join('\n\n'));
  }
  process.exitCode = ok ? EXIT.ok : EXIT.failed;
}

function systemText(system: SystemInfo, sharp: { available: boolean; reason: string }): string {
  const { cpu, cores, threads } = system;
  return table([
    ['node', `${system.node} on ${system.platform} ${system.arch}${system.libc === null ? '' : `, ${system.libc}`}`],
    ['cpu', cpu.model],
    ['features', cpu.features?.join(' ') || (cpu.features === null ? 'unknown' : 'none of note')],
    ['cores', `${cores}; one inference gets ${threads} thread${threads === 1 ? '' : 's'}`],
    ['memory', formatBytes(system.memoryBytes)],
    ['pictures', `${mark(sharp.available)}: ${sharp.reason}`],
  ]);
}

function backendText(status: BackendStatus): string {
  const version = status.version === null ? '' : ` ${status.version}`;
  const title = `${status.name}${version}: ${mark(status.available)}. ${status.reason}`;
  const facts = status.available ? [['devices', status.devices.join(', ')], ...gpuFacts(status)] : [];
  const attempts = status.attempts.flatMap(attemptText);
  return [title, table([...facts, ['formats', status.formats.join(', ')]], '  '), ...attempts].join('\n');
}

function attemptText({ what, path, ok, reason, fix }: Attempt): string[] {
  const line = `  ${ok ? 'found' : 'tried'}  ${[what, path].filter(Boolean).join(': ')}`;
  return [line, `           ${reason}`, ...(fix === undefined ? [] : [`           fix: ${fix}`])];
}

function gpuFacts({ gpu = {} }: BackendStatus): string[][] {
  return Object.entries(gpu).map(([subject, text]) => [subject === 'unavailable' ? 'no gpu' : subject, text]);
}

function mark(ok: boolean): string {
  return ok ? 'works' : 'unavailable';
}

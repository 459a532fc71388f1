import { execFile } from 'node:child_process';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { packageRequire } from '../../config/package-root.js';
import { messageOf } from '../../errors.js';
import type { Attempt, BackendStatus } from '../backend.js';
import { FIX_MISSING, fixBroken, PACKAGE } from './runtime.js';

const run = promisify(execFile);
const PROBE_LIMIT_MS = 30_000;

/**
 * Whether the runtime is installed and loads. It is loaded in a process of its own: a native binary that does not suit
 * the machine can take its process down with it.
 */
export async function probeRuntime(): Promise<BackendStatus> {
  let main: string;
  let version: string;
  let folder: string;
  try {
    const manifest = packageRequire.resolve(`${PACKAGE}/package.json`);
    folder = dirname(manifest);
    version = (packageRequire(manifest) as { version: string }).version;
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    return unavailable(null, null, missing ? 'is not installed' : `cannot be found: ${messageOf(error)}`, FIX_MISSING);
  }
  try {
    main = packageRequire.resolve(PACKAGE);
  } catch (error) {
    return unavailable(folder, version, `is not whole: ${messageOf(error).split('\n')[0]}`, fixBroken(folder));
  }
  try {
    await run(process.execPath, ['-e', 'require(process.argv[1])', main], {
      timeout: PROBE_LIMIT_MS,
      // Flags meant for the user's program, such as a debugger's, are not for this one.
      env: { ...process.env, NODE_OPTIONS: '' },
    });
  } catch (error) {
    return unavailable(main, version, `does not load: ${describeDeath(error)}`, fixBroken(folder));
  }
  return status(true, `${PACKAGE} ${version}`, version, [
    { what: PACKAGE, path: main, ok: true, reason: 'loads in a process of its own' },
  ]);
}

function describeDeath(error: unknown): string {
  const { signal, stderr } = error as { signal?: string | null; stderr?: string };
  if (signal) return `its process was ended by ${signal}`;
  const line = stderr?.split('\n').find((text) => /^\w*Error\b/.test(text));
  return line?.trim() ?? messageOf(error);
}

function unavailable(path: string | null, version: string | null, why: string, fix: string): BackendStatus {
  const attempts: Attempt[] = [{ what: PACKAGE, path, ok: false, reason: why, fix }];
  return status(false, `${PACKAGE} ${why}; ${fix}`, version, attempts);
}

function status(available: boolean, reason: string, version: string | null, attempts: Attempt[]): BackendStatus {
  const devices = available ? ['cpu'] : [];
  return { name: 'onnx', available, reason, version, devices, formats: ['onnx'], attempts };
}

import { dirname, join } from 'node:path';
import { listFolder } from '../../config/list-folder.js';
import { packageRequire } from '../../config/package-root.js';
import { messageOf } from '../../errors.js';
import type { Attempt, BackendStatus } from '../backend.js';
import { isNull, type ProbeOptions, remembered } from '../native/probe-cache.js';
import { askProcess } from '../native/probe-process.js';
import { FIX_MISSING, fixBroken, PACKAGE } from './runtime.js';

/** For the child process; what is printed is a ProbeResult. */
const PROBE = `
  let result = { ok: true, description: null };
  try {
    require(process.argv[1]);
  } catch (error) {
    result = { ok: false, reason: String(error).split('\\n')[0] };
  }
  process.stdout.write(JSON.stringify(result));`;

/**
 * Whether the runtime is installed and loads. It is loaded in a process of its own, once: a native binary that does not suit
 * the machine can take its process down with it.
 */
export async function probeRuntime(options: ProbeOptions = {}): Promise<BackendStatus> {
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
  const files = [main, ...nativeFiles(folder)];
  const result = await remembered(files, options, isNull, () => askProcess<null>(['-e', PROBE, main]));
  if (!result.ok) return unavailable(main, version, `does not load: ${result.reason}`, fixBroken(folder));
  return status(true, `${PACKAGE} ${version}`, version, [
    { what: PACKAGE, path: main, ok: true, reason: 'loads in a process of its own' },
  ]);
}

/** What it opens on this machine. */
function nativeFiles(folder: string): string[] {
  return listFolder(join(folder, 'bin')).flatMap((abi) => listFolder(join(abi, process.platform, process.arch)));
}

function unavailable(path: string | null, version: string | null, why: string, fix: string): BackendStatus {
  const attempts: Attempt[] = [{ what: PACKAGE, path, ok: false, reason: why, fix }];
  return status(false, `${PACKAGE} ${why}; ${fix}`, version, attempts);
}

function status(available: boolean, reason: string, version: string | null, attempts: Attempt[]): BackendStatus {
  const devices = available ? ['cpu'] : [];
  return { name: 'onnx', available, reason, version, devices, formats: ['onnx'], attempts };
}

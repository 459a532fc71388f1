/** Run by probe.ts in a child process: node probe-child.js ADDON [BACKEND LIBRARY...] Answers with a ProbeResult on stdout. */
import { createRequire } from 'node:module';
import { messageOf } from '../../errors.js';
import type { Addon, BackendDescription } from './addon.js';
import type { ProbeResult } from './probe-process.js';

function probe(): ProbeResult<BackendDescription | null> {
  const [core, backend, ...libraries] = process.argv.slice(2) as [string, string?, ...string[]];
  try {
    const addon = createRequire(import.meta.url)(core) as Addon;
    addon.initialize(() => undefined);
    if (backend === undefined) return { ok: true, description: null };
    return { ok: true, description: addon.describeBackend(addon.openBackend(backend, libraries)) };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  }
}

process.stdout.write(JSON.stringify(probe()));

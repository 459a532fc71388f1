import { fileURLToPath } from 'node:url';
import { moduleUrl } from '../../config/package-root.js';
import type { BackendDescription } from './addon.js';
import { isNull, type ProbeOptions, remembered } from './probe-cache.js';
import { askProcess, type ProbeResult } from './probe-process.js';

const child = fileURLToPath(moduleUrl('backends/native/probe-child.js'));

/**
 * Opens add-on, libtorch and backend in a child process and runs the first operation there: a library for another CPU or
 * another libtorch crashes the child, not the user's server. A success is remembered on disk by the size and time of every
 * file involved, so a later process does not pay for it again.
 */
export function probeNative(
  core: string,
  backend: string,
  libraries: readonly string[],
  options: ProbeOptions = {},
): Promise<ProbeResult<BackendDescription>> {
  const files = [core, backend, ...libraries];
  return remembered(files, options, isDescription, () => askProcess([child, ...files]));
}

/** The same for the add-on without any backend, of which there is nothing to tell. */
export function probeCore(core: string, options: ProbeOptions = {}): Promise<ProbeResult<null>> {
  return remembered([core], options, isNull, () => askProcess([child, core]));
}

const FIELDS = ['name', 'builtVersion', 'runtimeVersion', 'formats', 'devices', 'details'] as const;

function isDescription(value: unknown): value is BackendDescription {
  const given = Object(value) as Partial<Record<string, unknown>>;
  return FIELDS.every((field) => typeof given[field] === 'string') && isObject(given.details as string);
}

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null;
  } catch {
    return false;
  }
}

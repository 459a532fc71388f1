import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { elfProblem } from '../backends/native/elf-file.js';
import { type ProbeOptions, remembered } from '../backends/native/probe-cache.js';
import { askProcess, type ProbeResult } from '../backends/native/probe-process.js';
import { listFolder } from '../config/list-folder.js';
import { packageRequire } from '../config/package-root.js';
import { InfernodeError, messageOf } from '../errors.js';

type Sharp = typeof import('sharp').default;

interface Versions {
  readonly sharp: string;
  readonly vips: string;
}

/** For the child process; what is printed is a ProbeResult. */
const PROBE = `
  let result;
  try {
    const { sharp, vips } = require(process.argv[1]).versions;
    result = { ok: true, description: { sharp, vips } };
  } catch (error) {
    result = { ok: false, reason: error.message };
  }
  process.stdout.write(JSON.stringify(result));`;

let probing: Promise<ProbeResult<Versions>> | undefined;

/**
 * sharp, which decodes pictures. It is loaded in a child process first, once: a native file of it that is damaged takes its
 * process down.
 *
 * @throws InfernodeError INF_BACKEND_UNAVAILABLE
 */
export async function loadSharp(): Promise<Sharp> {
  probing ??= probeSharp({});
  const result = await probing;
  if (!result.ok) throw unavailable(result.reason);
  try {
    return (await import('sharp')).default;
  } catch (cause) {
    // It worked when it was probed, which may be long ago.
    probing = probeSharp({ fresh: true });
    const again = await probing;
    throw unavailable(again.ok ? `sharp does not load: ${messageOf(cause)}` : again.reason, cause);
  }
}

/** Whether sharp works here, and if not, why and what to do. Never throws. */
export async function sharpStatus(): Promise<{ available: boolean; reason: string }> {
  probing = probeSharp({ fresh: true });
  const result = await probing;
  if (!result.ok) return { available: false, reason: result.reason };
  return { available: true, reason: `sharp ${result.description.sharp} with libvips ${result.description.vips}` };
}

async function probeSharp(options: ProbeOptions): Promise<ProbeResult<Versions>> {
  let main: string;
  try {
    main = packageRequire.resolve('sharp');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND';
    const why = missing ? 'sharp is not installed' : `sharp cannot be found: ${messageOf(error)}`;
    return { ok: false, reason: `${why}; to read pictures: npm install sharp` };
  }
  const home = homeOf(main);
  const files = nativeFiles(home);
  const problem = files.map(elfProblem).find(Boolean);
  const result = problem
    ? ({ ok: false, reason: problem } as const)
    : await remembered([main, ...files], options, isVersions, () => askProcess<Versions>(['-e', PROBE, main]));
  return result.ok
    ? result
    : { ok: false, reason: `sharp does not load: ${firstLines(result.reason)}; ${fixFor(home)}` };
}

/** npm takes a package that is there for a whole one. */
function fixFor(home: string): string {
  return `remove ${home} and ${join(dirname(home), '@img')}, then npm install sharp`;
}

/** The folder of the package that has this file. */
function homeOf(main: string): string {
  let folder = dirname(main);
  while (!existsSync(join(folder, 'package.json')) && folder !== dirname(folder)) folder = dirname(folder);
  return folder;
}

/** What sharp may open: packages of their own, beside it or, with links as pnpm makes them, beside one another. */
function nativeFiles(home: string): string[] {
  const beside = packagesIn(join(dirname(home), '@img'));
  const packages = new Set([...beside, ...beside.flatMap((folder) => packagesIn(dirname(folder)))]);
  return [...packages, join(home, 'src/build')]
    .flatMap((folder) => ['lib', 'Release'].flatMap((inner) => listFolder(join(folder, inner))))
    .filter((file) => /\.(node|so[.\d]*|dylib|dll)$/.test(file));
}

function packagesIn(scope: string): string[] {
  return listFolder(scope)
    .filter((path) => basename(path).startsWith('sharp-') && existsSync(path))
    .map((path) => realpathSync(path));
}

/** Its message goes on with advice of its own. */
function firstLines(message: string): string {
  const [lines = ''] = message.split(/\n\s*Possible solutions/);
  return lines.trim().replace(/\s*\n\s*/g, ': ');
}

function isVersions(value: unknown): value is Versions {
  const { sharp, vips } = Object(value) as Partial<Versions>;
  return typeof sharp === 'string' && typeof vips === 'string';
}

function unavailable(reason: string, cause?: unknown): InfernodeError {
  const message = `Pictures are read by sharp, which does not work here: ${reason}`;
  return new InfernodeError('INF_BACKEND_UNAVAILABLE', message, cause === undefined ? {} : { cause });
}

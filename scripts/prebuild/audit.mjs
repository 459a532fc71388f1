import { join } from 'node:path';
import { runCommand } from '../setup/run-command.mjs';
import { listFiles } from '../setup/stamp.mjs';
import { Unavailable } from '../setup/step.mjs';

/** The oldest systems to run on: Ubuntu 22.04 (glibc 2.35) and Debian 12 (glibc 2.36), both with the libstdc++ of GCC 12. */
const BASELINE = { GLIBC: '2.35', GLIBCXX: '3.4.30', CXXABI: '1.3.13', GCC: '12.0.0' };

/** What a binary may need of others. libstdc++ is the system's: exceptions of libtorch pass through it. */
const NEEDED =
  /^(libc|libm|libdl|libpthread|librt|libstdc\+\+|libgcc_s|libtorch|libtorch_cpu|libtorch_cuda|libc10|libc10_cuda|libcudart|ld-linux-x86-64|ld-linux-aarch64)\.so(\.\d+)*$/;

/**
 * Checks that every binary of a folder loads on the oldest systems: versions of symbols, libraries, no search path of its own.
 *
 * @param {string} folder
 * @throws {Unavailable} that names every demand that is too high
 */
export async function auditFolder(folder) {
  const problems = [];
  for (const name of listFiles(folder))
    problems.push(...(await auditBinary(join(folder, name))).map((text) => `${name}: ${text}`));
  if (problems.length > 0)
    throw new Unavailable(`would not run on Ubuntu 22.04 or Debian 12:\n  ${problems.join('\n  ')}`);
}

/**
 * @param {string} path
 * @returns {Promise<string[]>} what is wrong with it
 */
export async function auditBinary(path) {
  const { versions, libraries, searchPaths } = await demandsOf(path);
  return [
    ...versions.filter(isTooNew).map((version) => `needs ${version}, and the baseline is ${BASELINE[setOf(version)]}`),
    ...libraries.filter((library) => !NEEDED.test(library)).map((library) => `needs ${library}`),
    ...searchPaths.map((line) => `has a search path of its own: ${line}`),
  ];
}

/**
 * What a binary needs, by readelf.
 *
 * @param {string} path
 */
export async function demandsOf(path) {
  const symbols = await runCommand('readelf', ['--wide', '--version-info', path]);
  const dynamic = await runCommand('readelf', ['--wide', '--dynamic', path]);
  return {
    versions: [...new Set([...symbols.matchAll(/Name: (\w+_[\d.]+)\s+Flags/g)].map(([, version]) => version ?? ''))],
    libraries: [...dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map(([, library]) => library ?? ''),
    searchPaths: [...dynamic.matchAll(/\((?:RPATH|RUNPATH)\).*/g)].map(([line]) => line),
  };
}

/** @param {string} version such as `GLIBC_2.34` */
function setOf(version) {
  return /** @type {keyof typeof BASELINE} */ (version.slice(0, version.lastIndexOf('_')));
}

/** @param {string} version */
function isTooNew(version) {
  const most = BASELINE[setOf(version)];
  if (most === undefined) return false;
  const [given, allowed] = [version.slice(version.lastIndexOf('_') + 1), most].map((text) =>
    text.split('.').map(Number),
  );
  const at = allowed?.findIndex((part, index) => part !== (given?.[index] ?? 0)) ?? -1;
  return at >= 0 ? (given?.[at] ?? 0) > (allowed?.[at] ?? 0) : (given?.length ?? 0) > (allowed?.length ?? 0);
}

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

const OF_LIBTORCH = /^lib(torch|c10|shm)/;

/** What to do about a native file that does not open, by what the dynamic loader says of it; undefined where nobody knows. */
export function fixOf(reason: string): string | undefined {
  const [, library] = /(\S+\.so[.\d]*): cannot open shared object file: No such file/.exec(reason) ?? [];
  if (library !== undefined) return fixOfMissing(library);
  if (/version `(GLIBC|GLIBCXX|CXXABI)_[\d.]+' not found/.test(reason)) {
    return 'this system is older than the binary was built for: run "npx infernode build", or use a newer system';
  }
  if (/is built for \w+, and this is/.test(reason)) return 'get the one for this processor';
  const [, damaged] = /(\/\S+?):? (?:file too short|invalid ELF header|file truncated|is cut short)/.exec(reason) ?? [];
  if (damaged !== undefined) return fixOfDamaged(damaged);
  if (/crashed with SIGBUS/.test(reason))
    return 'a file that it opens is damaged: install libtorch again, then the package infernode';
  if (/crashed with SIGILL/.test(reason))
    return 'this processor lacks instructions that the library was built with: use another build of it';
  return undefined;
}

function fixOfDamaged(file: string): string {
  const ofLibtorch = existsSync(join(dirname(file), 'libtorch_cpu.so'));
  return `${file} is damaged: ${ofLibtorch ? 'install libtorch again' : 'build it again, or install the package again'}`;
}

function fixOfMissing(library: string): string {
  if (/^lib(torch|c10)_cuda/.test(library)) {
    return `${library} is part of a libtorch with CUDA, which is needed here: use one (install it again if this is one), or run "npx infernode build" for a libtorch without`;
  }
  // The Python package brings a libgomp with a hash in its name.
  if (OF_LIBTORCH.test(library) || library.startsWith('libgomp-')) {
    return `${library} is part of libtorch, and this libtorch is incomplete: install it again`;
  }
  if (library.startsWith('libgomp')) return 'install libgomp (Debian and Ubuntu: apt-get install libgomp1)';
  if (/^lib(cu|nv)/.test(library)) {
    return `${library} is part of CUDA, which this libtorch needs: install it, or use a libtorch for the CPU`;
  }
  return `install the package of your system that has ${library}`;
}

/** What to do about a native file that does not open, by what the dynamic loader says of it; undefined where nobody knows. */
export function fixOf(reason: string): string | undefined {
  const [, library] = /(\S+\.so[.\d]*): cannot open shared object file: No such file/.exec(reason) ?? [];
  if (library !== undefined) return fixOfMissing(library);
  if (/version `(GLIBC|GLIBCXX|CXXABI)_[\d.]+' not found/.test(reason)) {
    return 'this system is older than the binary was built for: run "npx infernode build", or use a newer system';
  }
  if (/is built for \w+, and this is/.test(reason)) return 'get the one for this processor';
  if (/file too short|invalid ELF header|file truncated|crashed with SIGBUS/.test(reason))
    return 'the file is damaged: install it again';
  if (/crashed with SIGILL/.test(reason))
    return 'this processor lacks instructions that the library was built with: use another build of it';
  return undefined;
}

function fixOfMissing(library: string): string {
  if (library.startsWith('libgomp')) return 'install libgomp (Debian and Ubuntu: apt-get install libgomp1)';
  if (/^lib(cu|nv)/.test(library)) {
    return `${library} is part of CUDA, which this libtorch needs: install it, or use a libtorch for the CPU`;
  }
  return `install the package of your system that has ${library}`;
}

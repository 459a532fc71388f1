import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fixOf } from '#src/backends/native/fixes';
import { makeFolder } from '../../support/files.js';

const missing = (library: string) => `${library}: cannot open shared object file: No such file or directory`;

describe('what to do about a native file that does not open', () => {
  const cases: [reason: string, fix: RegExp | undefined][] = [
    [missing('libgomp.so.1'), /^install libgomp \(Debian/],
    [missing('libgomp-a34b3233.so.1'), /part of libtorch, and this libtorch is incomplete: install it again/],
    [missing('libc10.so'), /libc10\.so is part of libtorch, and this libtorch is incomplete: install it again/],
    [missing('libtorch_cpu.so'), /libtorch_cpu\.so is part of libtorch, and this libtorch is incomplete/],
    [missing('libtorch.so'), /this libtorch is incomplete/],
    [missing('libtorch_cuda.so'), /libtorch_cuda\.so is part of a libtorch with CUDA, .*npx infernode build/],
    [missing('libc10_cuda.so'), /libc10_cuda\.so is part of a libtorch with CUDA/],
    [missing('libcudart.so.13'), /libcudart\.so\.13 is part of CUDA, which this libtorch needs/],
    [missing('libnuma.so.1'), /^install the package of your system that has libnuma\.so\.1$/],
    ["version `GLIBC_2.38' not found", /npx infernode build/],
    ['/a/x.so is built for arm64, and this is x64', /this processor/],
    ['/a/x.so: file too short', /^\/a\/x\.so is damaged: build it again, or install the package again$/],
    ['/a/x.so is cut short: it has 1 bytes, and needs 2 at least', /^\/a\/x\.so is damaged/],
    ['loading it crashed with SIGBUS', /is damaged: install libtorch again, then the package/],
    ['loading it crashed with SIGILL', /lacks instructions/],
    ['something else', undefined],
  ];
  for (const [reason, fix] of cases) {
    test(reason, () => {
      if (fix === undefined) assert.equal(fixOf(reason), undefined);
      else assert.match(fixOf(reason)!, fix);
    });
  }

  test('a damaged file that lies with libtorch is installed with it', async (t) => {
    const folder = await makeFolder(t as TestContext, { 'libtorch_cpu.so': '' });
    const file = join(folder, 'libgomp.so.1');
    assert.equal(fixOf(`${file}: invalid ELF header`), `${file} is damaged: install libtorch again`);
  });
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { elfProblem } from '#src/backends/native/elf-file';
import { makeFolder } from '../../support/files.js';

const MACHINE = { x64: 62, arm64: 183 }[process.arch as 'x64'];
const PROGRAM_HEADERS = 64;
const SEGMENT_END = 5000;

/** A library with one segment of which the loader maps the bytes from 1000 to 5000. */
function library(bytes: number): Buffer {
  const file = Buffer.alloc(Math.max(bytes, PROGRAM_HEADERS + 56));
  file.write('\x7fELF\x02\x01', 'latin1');
  file.writeUInt16LE(MACHINE!, 18);
  file.writeBigUInt64LE(BigInt(PROGRAM_HEADERS), 32);
  file.writeUInt16LE(56, 54);
  file.writeUInt16LE(1, 56);
  file.writeUInt32LE(1, PROGRAM_HEADERS);
  file.writeBigUInt64LE(1000n, PROGRAM_HEADERS + 8);
  file.writeBigUInt64LE(BigInt(SEGMENT_END - 1000), PROGRAM_HEADERS + 32);
  return file.subarray(0, bytes);
}

describe('the headers of a library', { skip: MACHINE === undefined && 'knows the headers of x64 and arm64' }, () => {
  const problemOf = async (t: unknown, content: Buffer | string) =>
    elfProblem(join(await makeFolder(t as TestContext, { 'a.so': content }), 'a.so'));

  test('tell that it is whole, or cut short anywhere', async (t) => {
    assert.equal(await problemOf(t, library(SEGMENT_END)), null);
    assert.match(
      (await problemOf(t, library(SEGMENT_END - 1)))!,
      /a\.so is cut short: it has 4999 bytes, and needs 5000/,
    );
    assert.match((await problemOf(t, library(100)))!, /a\.so is cut short: it has 100 bytes, and needs 120/);
    assert.equal(elfProblem(process.execPath), null);
  });

  test('tell that it is for another processor', async (t) => {
    const other = library(SEGMENT_END);
    other.writeUInt16LE(243, 18);
    assert.match((await problemOf(t, other))!, /a\.so is built for riscv64, and this is /);
  });

  test('tell nothing where there are none; the loader will', async (t) => {
    for (const content of ['', 'no library', library(10)]) assert.equal(await problemOf(t, content), null);
    assert.equal(elfProblem('/no/such/file.so'), null);
  });
});

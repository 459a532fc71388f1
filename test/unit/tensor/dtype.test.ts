import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DTYPES, dtypeOfCode, isDType } from '#src/tensor/dtype';
import { throws } from '../../support/expect-error.js';
import { repository } from '../../support/test-data.js';

/** The entries of the C enum `inf_dtype`: INF_FLOAT32 = 1 is `float32: 1`. */
function nativeCodes(): Record<string, number> {
  const header = readFileSync(join(repository, 'native/include/infernode/backend.h'), 'utf8');
  const body = /typedef enum inf_dtype \{([^}]*)\}/.exec(header)?.[1] ?? '';
  return Object.fromEntries(
    [...body.matchAll(/INF_(\w+) = (\d+)/g)].map(([, name, code]) => [name!.toLowerCase(), Number(code)]),
  );
}

test('codes are those of the native header', () => {
  const codes = Object.fromEntries(Object.entries(DTYPES).map(([name, { code }]) => [name, code]));
  assert.deepEqual(codes, nativeCodes());
});

test('every code leads back to its dtype, and no other code to any', () => {
  for (const [name, { code }] of Object.entries(DTYPES)) assert.equal(dtypeOfCode(code), name);
  for (const code of [0, 15, -1, 1.5, Number.NaN]) throws(() => dtypeOfCode(code), 'INF_INTERNAL', String(code));
});

test('the array that carries a dtype has elements of its size', () => {
  for (const [name, { bytes, array }] of Object.entries(DTYPES)) {
    const size = 'BYTES_PER_ELEMENT' in array ? array.BYTES_PER_ELEMENT : 0;
    assert.equal(bytes, size, name);
  }
});

test('only names of dtypes are dtypes', () => {
  assert.ok(Object.keys(DTYPES).every(isDType));
  for (const other of ['Float32', 'float', '', '__proto__', 'constructor', 'toString', 1, null, undefined, {}]) {
    assert.equal(isDType(other), false, String(other));
  }
});

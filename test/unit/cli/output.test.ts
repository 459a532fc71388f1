import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes, formatCount, formatElement, formatMs, formatValue, table } from '#src/cli/output';

test('columns are aligned, without blanks at the end', () => {
  assert.equal(
    table([
      ['a', 'long', 'x'],
      ['bbb', 'é', ''],
    ]),
    'a    long  x\nbbb  é',
  );
  assert.equal(
    table(
      [
        ['9', 'a'],
        ['10', 'b'],
      ],
      '  ',
      [0],
    ),
    '   9  a\n  10  b',
  );
  assert.equal(table([]), '');
});

test('numbers for people', () => {
  assert.deepEqual([0, 999, 1000, 3_655_033, 999_999].map(formatBytes), ['0 B', '999 B', '1.0 kB', '3.7 MB', '1.0 MB']);
  assert.equal(formatCount(3504872), '3,504,872');
  assert.deepEqual([1.234567891, 3, 1e-7, Number.NaN, 5n, true, 'a"b'].map(formatElement), [
    '1.23457',
    '3',
    '1e-7',
    'NaN',
    '5',
    'true',
    '"a\\"b"',
  ]);
  assert.deepEqual([1.234, 12.34, 123.4].map(formatMs), ['1.23 ms', '12.3 ms', '123 ms']);
});

test('inputs and outputs in words', () => {
  const info = { name: 'x', dtype: 'float32', shape: ['n', 3, null], type: 'tensor(float)' } as const;
  assert.equal(formatValue({ ...info, kind: 'tensor', optional: false }), 'float32 [n, 3, ?]');
  assert.equal(
    formatValue({ ...info, kind: 'tensor', optional: true, dtype: null, shape: null }),
    'tensor [...], optional',
  );
  assert.equal(formatValue({ ...info, kind: 'int', optional: false, type: 'int' }), 'int');
});

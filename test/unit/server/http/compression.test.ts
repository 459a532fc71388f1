import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acceptedEncoding } from '#src/server/http/compression';

test('the encoding of an answer is the one that the client likes best, of those that there are', () => {
  const cases: [string | undefined, string | null][] = [
    [undefined, null],
    ['', null],
    ['br', null],
    ['gzip', 'gzip'],
    ['GZIP, deflate', 'gzip'],
    ['gzip;q=0.5, deflate', 'deflate'],
    ['gzip;q=0', null],
    ['*', 'gzip'],
    ['gzip;q=0, *', 'deflate'],
    ['identity, *;q=0', null],
    ['gzip;q=x', null],
  ];
  for (const [header, expected] of cases) assert.equal(acceptedEncoding(header), expected, header);
});

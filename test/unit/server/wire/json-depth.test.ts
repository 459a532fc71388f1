import { test } from 'node:test';
import { checkJsonDepth } from '#src/server/wire/json-depth';
import { throws } from '../../../support/expect-error.js';

const check = (text: string, limit?: number) => checkJsonDepth(Buffer.from(text), limit);

test('counts arrays and objects that are open at a time, not those there are', () => {
  check(`[${'[1],'.repeat(1000)}{}]`);
  check('{"a":[{"b":[1]}]}', 4);
  throws(() => check('{"a":[{"b":[1]}]}', 3), 'INF_REQUEST_INVALID', 'deeper than 3');
  check(`${'['.repeat(100)}${']'.repeat(100)}`);
  throws(() => check('['.repeat(101)), 'INF_REQUEST_INVALID');
  throws(() => check('{"":'.repeat(101)), 'INF_REQUEST_INVALID');
  throws(() => check('[{"":'.repeat(51)), 'INF_REQUEST_INVALID');
});

test('does not count brackets in strings, and finds the end of a string', () => {
  check(`["${'['.repeat(500)}", "\\"${'{'.repeat(500)}"]`);
  throws(() => check(`["\\\\",${'['.repeat(101)}`), 'INF_REQUEST_INVALID');
  check(`"${'['.repeat(500)}`);
  check(`"${'['.repeat(500)}\\`);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyCheck } from '#src/server/http/api-keys';
import { throws } from '../../../support/expect-error.js';

test('a request brings one of the keys, whole, in one of two headers', () => {
  const hasKey = keyCheck(['one', 'two']);
  assert.ok(hasKey({ authorization: 'Bearer one' }));
  assert.ok(hasKey({ authorization: 'BEARER  two ' }));
  assert.ok(hasKey({ 'x-api-key': 'two' }));
  for (const headers of [
    {},
    { authorization: 'Bearer on' },
    { authorization: 'Bearer one two' },
    { authorization: 'Basic one' },
    { authorization: 'one' },
    { 'x-api-key': '' },
    { 'x-api-key': ['one', 'two'] },
    { 'x-api-key': 'One' },
  ]) {
    assert.ok(!hasKey(headers), JSON.stringify(headers));
  }
  assert.ok(!keyCheck([])({ 'x-api-key': '' }));
});

test('a key that no header can carry is refused, and not shown', () => {
  for (const key of ['', 'a b', 'schlüssel', 'a\r\n', 7 as never]) {
    const error = throws(() => keyCheck(['good', key]), 'INF_OPTION_INVALID');
    assert.doesNotMatch(error.message + JSON.stringify(error.details), /schlüssel|good/);
  }
});

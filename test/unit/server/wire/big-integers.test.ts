import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quoteBigIntegers } from '#src/server/wire/big-integers';

const quote = (text: string) => quoteBigIntegers(Buffer.from(text));

test('integers of 16 digits and more become strings', () => {
  assert.equal(quote('[9007199254740993, -9223372036854775808]'), '["9007199254740993", "-9223372036854775808"]');
  assert.equal(quote('18446744073709551615'), '"18446744073709551615"');
});

test('everything else stays as it is', () => {
  for (const text of [
    '[1,-2,123456789012345]',
    '[0.12345678901234567890, 1e20, 12345678901234567890.5, 1234567890123456789e2]',
    '{"12345678901234567890":"98765432109876543210"}',
    '"a \\" 12345678901234567890"',
    '["Grüße 🦊",null,true]',
    '',
    '"12345678901234567890',
  ]) {
    assert.equal(quote(text), text);
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nameProblem, quoteName } from '#src/models/repository/model-name';

test('names of models', () => {
  for (const name of [
    'net',
    'a.b',
    'resnet-50_v2',
    'модель',
    '模型',
    '5',
    '__proto__',
    'a b',
    '%2e%2e',
    'x'.repeat(256),
  ]) {
    assert.equal(nameProblem(name), undefined, name);
  }
});

test('names that are none', () => {
  const names = ['', ' ', '..', '.', '../net', 'a/b', 'net/', '/net', 'a\\b', ' ..', 'net ', '.hidden', 'a..b', 'a\0b'];
  const odd = ['a\nb', 'a\rb', '\u001b[31m', 'a\u202eb', 'a\u2028b', '\ud800', 'a\u007f', 'a\u0085b', 'x'.repeat(257)];
  for (const name of [...names, ...odd]) assert.notEqual(nameProblem(name), undefined, JSON.stringify(name));
});

test('a quoted name is one line, and short', () => {
  assert.equal(quoteName('a\r\nb\0'), '"a\\r\\nb\\u0000"');
  assert.equal(quoteName('x'.repeat(1_000_000)).length, 65);
  assert.equal(quoteName(undefined), '"undefined"');
});

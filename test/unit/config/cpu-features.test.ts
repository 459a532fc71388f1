import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasBfloat16, hasVnni } from '#src/config/cpu-features';
import { type SystemInfo, systemInfo } from '#src/config/system-info';

const machine = (arch: string, features: readonly string[] | null): SystemInfo => ({
  ...systemInfo(),
  arch,
  cpu: { model: 'test', features },
});

test('BF16 needs instructions for it', () => {
  for (const name of ['avx512_bf16', 'amx_bf16', 'neon_bf16']) {
    assert.equal(hasBfloat16(machine('x64', ['avx2', name])), true, name);
  }
  assert.equal(hasBfloat16(machine('x64', ['avx2', 'avx512f', 'avx512_vnni'])), false);
});

test('eight bits need products that are summed in 32', () => {
  for (const name of ['avx512_vnni', 'avx_vnni', 'amx_int8']) {
    assert.equal(hasVnni(machine('x64', ['avx2', name])), true, name);
  }
  assert.equal(hasVnni(machine('x64', ['avx2', 'avx512f', 'avx512_bf16'])), false);
  assert.equal(hasVnni(machine('arm64', ['neon'])), true);
});

test('features that nobody knows are not there', () => {
  assert.equal(hasBfloat16(machine('x64', null)), false);
  assert.equal(hasVnni(machine('x64', null)), false);
});

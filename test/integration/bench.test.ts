import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { repository } from '../support/test-data.js';
import { needsTorch } from '../support/torch.js';

test('the measurement of precisions runs on a small model', { skip: needsTorch, timeout: 120_000 }, () => {
  const args = [join(repository, '.build/ts/bench/precision.js'), '--smoke'];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, { cwd: repository, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  for (const batch of [1, 8]) {
    const lines = stdout.split('\n').filter((line) => line.startsWith(`batch ${batch} `));
    const names = lines.map((line) => line.slice(9, 43).trim());
    assert.deepEqual(names, [
      'onnxruntime-node fp32',
      'onnxruntime-node int8 static',
      'model torch fp32',
      'model torch bf16',
      'model torch int8 static',
      'model onnx int8 static',
    ]);
    for (const line of lines) assert.ok(Number(/cosine (\S+)$/.exec(line)?.[1]) > 0.9, line);
  }
});

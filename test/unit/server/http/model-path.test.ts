import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modelName, modelVersion } from '#src/server/http/model-path';
import { throws } from '../../../support/expect-error.js';

test('names and versions of models are no paths', () => {
  for (const name of ['resnet50', 'a.b-c_d', 'modèle 1', '.hidden', 'a'.repeat(256)])
    assert.equal(modelName(name), name);
  for (const name of ['', '.', '..', '...', 'a/b', 'a\\b', ' a', 'a ', 'a\0', 'a\n', '\u202ea', 'a'.repeat(257)]) {
    throws(() => modelName(name), 'INF_REQUEST_INVALID');
  }
  assert.equal(modelVersion(undefined), undefined);
  assert.equal(modelVersion('12'), 12);
  for (const version of ['', '0', '01', '-1', '1.0', 'v1', '1e3', '9'.repeat(20)]) {
    throws(() => modelVersion(version), 'INF_REQUEST_INVALID');
  }
});

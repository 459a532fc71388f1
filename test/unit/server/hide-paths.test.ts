import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutPaths } from '#src/server/hide-paths';

test('of an absolute path the end is left', () => {
  for (const [message, hidden] of [
    ['/tmp/secret/models/bad/1/model.onnx is no model', 'bad/1/model.onnx is no model'],
    ['There is no /usr/models/bad.', 'There is no bad.'],
    ['cannot open "/tmp/secret/a.pt": ENOENT, open \'/tmp/secret/a.pt\'', 'cannot open "a.pt": ENOENT, open \'a.pt\''],
    ['(/tmp/secret/x/a.json)', '(x/a.json)'],
    ['Load model from /tmp/secret/net.onnx failed:Protobuf', 'Load model from net.onnx failed:Protobuf'],
    ['file:///tmp/secret/net.onnx', 'net.onnx'],
    ['in /tmp/secret/ and /tmp', 'in secret and tmp'],
  ] as const) {
    assert.equal(withoutPaths(message), hidden);
  }
});

test('what only looks like a path is left alone', () => {
  for (const message of [
    'There is no output "/encoder/layers.0/Add_output_0"',
    'see http://example.com/usr/share/doc',
    'models/tmp/usr/x.onnx and ./tmp/x and ~/tmp/x',
    '1/2 or a/tmp/b',
    'POST /v2/repository/index',
    '////',
    '',
  ]) {
    assert.equal(withoutPaths(message), message);
  }
});

test('a long message takes no long time to look through', () => {
  const long = '/tmp'.repeat(200_000);
  assert.ok(withoutPaths(long).length < 20);
  assert.equal(withoutPaths('/ '.repeat(200_000)).length, 400_000);
});

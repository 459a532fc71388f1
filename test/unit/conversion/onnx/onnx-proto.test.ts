import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import protobuf from 'protobufjs/light.js';
import { decodeOnnx, encodeOnnx } from '#src/conversion/onnx/onnx-proto';
import { onnxSchema } from '#src/conversion/onnx/proto-schema';
import { addOne, encodeModel } from '../../../support/onnx-builder.js';
import { dataFile, needsTestData, repository } from '../../../support/test-data.js';

const root = protobuf.Root.fromJSON(onnxSchema() as protobuf.INamespace);

/** A message with every field set: scalars to what a reader could take for unset. */
function full(type: protobuf.Type, depth: number): object {
  const message: Record<string, unknown> = {};
  for (const field of type.fieldsArray) {
    field.resolve();
    const inner = field.resolvedType instanceof protobuf.Type ? field.resolvedType : null;
    if (inner !== null && depth === 0 && inner.name !== 'StringEntry') continue;
    const one = inner === null ? zeroOf(field.type) : full(inner, depth - 1);
    message[field.name] = field.repeated ? [one, one] : one;
  }
  return message;
}

function zeroOf(type: string): unknown {
  if (type === 'string') return '';
  return type === 'bytes' ? Buffer.alloc(0) : 0;
}

describe('a decoded and encoded model is the same, byte for byte', () => {
  test('with every field of the format set, to zero', () => {
    const type = root.lookupType('Model');
    const bytes = type.encode(full(type, 4)).finish();
    assert.ok(bytes.length > 1000, `${bytes.length} bytes`);
    assert.deepEqual(Buffer.from(encodeOnnx(decodeOnnx(Buffer.from(bytes)))), Buffer.from(bytes));
  });

  test('with a field that the schema does not know', () => {
    // Field 99, a varint of 5, at the end of the model.
    const bytes = Buffer.concat([encodeModel(addOne()), Buffer.from([0x98, 0x06, 0x05])]);
    assert.deepEqual(Buffer.from(encodeOnnx(decodeOnnx(bytes))), bytes);
  });

  for (const name of ['tiny.onnx', 'slow.onnx']) {
    test(name, () => {
      const bytes = readFileSync(join(repository, 'test/fixtures', name));
      assert.deepEqual(Buffer.from(encodeOnnx(decodeOnnx(bytes))), bytes);
    });
  }

  test('real models', { skip: needsTestData }, () => {
    const folder = dataFile('models/onnx');
    const names = readdirSync(folder).filter((name) => name.endsWith('.onnx'));
    assert.ok(names.length > 5);
    for (const name of names) {
      const bytes = readFileSync(join(folder, name));
      assert.ok(bytes.equals(encodeOnnx(decodeOnnx(bytes))), name);
    }
  });
});

test('weights are views of the bytes of the file', () => {
  const bytes = Buffer.from(encodeModel(addOne()));
  const raw = decodeOnnx(bytes).graph.initializer[0]!.rawData!;
  assert.equal(raw.buffer, bytes.buffer);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { encodeInferResponse, encodeStreamResponse } from '#src/server/grpc/infer-response';
import { Tensor } from '#src/tensor/tensor';
import { definition, type InferResponse, type StreamResponse, strings } from '../../../support/grpc-peer.js';

const { ModelInfer, ModelStreamInfer } = definition['inference.GRPCInferenceService'] as ServiceDefinition;

const outputs = [
  ['a', new Tensor('float32', Float32Array.of(1, 2, 3, 4).subarray(1), [3, 1])],
  ['b\u00fc', new Tensor('string', ['x', '', '\u{1f600}'], [3])],
  ['c', new Tensor('bfloat16', Uint16Array.of(0x3f80), [])],
  ['d', new Tensor('int64', BigInt64Array.of(), [0, 300])],
] as const;

const message = { modelName: 'm', modelVersion: '3', id: 'id', outputs };

function check(response: InferResponse): void {
  assert.deepEqual([response.model_name, response.model_version, response.id], ['m', '3', 'id']);
  assert.deepEqual(
    response.outputs.map(({ name, datatype, shape }) => [name, datatype, shape]),
    [
      ['a', 'FP32', [3, 1]],
      ['b\u00fc', 'BYTES', [3]],
      ['c', 'BF16', []],
      ['d', 'INT64', [0, 300]],
    ],
  );
  assert.deepEqual(response.raw_output_contents[0], Buffer.from(Float32Array.of(2, 3, 4).buffer));
  assert.deepEqual(strings(response, 'b\u00fc'), ['x', '', '\u{1f600}']);
  assert.deepEqual(response.raw_output_contents[2], Buffer.of(0x80, 0x3f));
  assert.equal(response.raw_output_contents[3]!.length, 0);
}

test('a response is what readers of the proto file expect', () => {
  const response = ModelInfer!.responseDeserialize(encodeInferResponse(message)) as InferResponse;
  check(response);
  assert.deepEqual(response.parameters, {});
});

test('a response of a stream, with parameters and an error', () => {
  const parameters = { triton_final_response: true, infernode_code: 'INF_X' };
  const decode = (bytes: Buffer) => ModelStreamInfer!.responseDeserialize(bytes) as StreamResponse;
  const { error_message, infer_response } = decode(encodeStreamResponse({ ...message, parameters }, 'went wrong'));
  check(infer_response);
  assert.equal(error_message, 'went wrong');
  assert.equal(infer_response.parameters.triton_final_response!.bool_param, true);
  assert.equal(infer_response.parameters.infernode_code!.string_param, 'INF_X');
  assert.equal(decode(encodeStreamResponse(message)).error_message, '');
});

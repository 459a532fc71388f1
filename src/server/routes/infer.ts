import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ServedModel } from '../../engine/engine.js';
import { headerLengthOf, releaseBody } from '../http/body.js';
import { connectionSignal } from '../http/connection-signal.js';
import { checkJsonType } from '../http/content-type.js';
import { DEFAULTS, type InferencePluginOptions } from '../options.js';
import { readInferRequest, type WireRequest } from '../wire/infer-request.js';
import { writeInferResponse } from '../wire/infer-response.js';
import { readRawRequest } from '../wire/raw-request.js';
import { INFER_SCHEMA } from './infer-schema.js';
import { addModelRoute, type ModelPath } from './with-version.js';

/** The route that all of this is for. */
export function addInferRoute(scope: FastifyInstance, options: InferencePluginOptions): void {
  const { engine, maxTensors = DEFAULTS.maxTensors } = options;
  const infer = async ({ name, version }: ModelPath, request: FastifyRequest, reply: FastifyReply) => {
    const served = engine.model(name, version);
    const { id, inputs, outputs, binary, options } = readRequest(request, served, maxTensors);
    const result = await engine.infer(name, {
      // The version that was found above answers, and says so.
      version: served.version,
      inputs,
      signal: connectionSignal(request.raw.socket),
      ...options,
      ...(outputs !== null && { outputs: outputs.map((output) => output.name) }),
    });
    // Not after a failure: a request that was given up may still be read by the model.
    if (request.body !== undefined) releaseBody(request.body as Buffer);
    const labels = served.model.config?.processing?.labels;
    const answering = { name, version: served.version, labels };
    const { body, headerLength } = writeInferResponse({ id, outputs, binary }, result.outputs, answering);
    if (headerLength === undefined) reply.type('application/json');
    else reply.type('application/octet-stream').header('inference-header-content-length', headerLength);
    return body;
  };
  addModelRoute(scope, 'POST', '/infer', { schema: INFER_SCHEMA }, infer);
}

function readRequest({ headers, body }: FastifyRequest, { model }: ServedModel, maxTensors: number): WireRequest {
  const bytes = (body as Buffer | undefined) ?? Buffer.alloc(0);
  const headerLength = headerLengthOf(headers);
  if (headerLength === 0) return readRawRequest(bytes, model.signature);
  // A page cannot send the header of binary data unasked, so only requests without it are held to a type.
  if (headerLength === undefined) checkJsonType(headers);
  return readInferRequest(bytes, headerLength, maxTensors);
}

import type { FastifyRequest } from 'fastify';
import { type Fields, fieldsOf } from '../wire/fields.js';
import { parseJson } from '../wire/infer-request.js';
import { checkJsonType } from './content-type.js';

/** The JSON object that a request brings; no body stands for an empty one. @throws InfernodeError INF_REQUEST_INVALID */
export function jsonBody({ headers, body }: FastifyRequest): Fields {
  checkJsonType(headers);
  const bytes = body as Buffer | undefined;
  return bytes === undefined || bytes.length === 0 ? {} : fieldsOf(parseJson(bytes), 'The request');
}

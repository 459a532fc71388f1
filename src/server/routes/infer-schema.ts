const parameters = { type: 'object', additionalProperties: { type: ['string', 'number', 'boolean'] } } as const;
const name = { type: 'string', minLength: 1 } as const;
const shape = { type: 'array', items: { type: 'integer', minimum: 0 } } as const;
const datatype = { type: 'string', examples: ['FP32', 'INT64', 'BYTES'] } as const;

const tensor = {
  type: 'object',
  required: ['name', 'shape', 'datatype'],
  properties: { name, shape, datatype, parameters, data: { type: 'array', items: {} } },
} as const;

/** Describes inference for people and generators of clients; requests are checked elsewhere, with errors of their own. */
export const INFER_SCHEMA = {
  summary: 'Inference',
  description:
    'JSON, or JSON followed by binary tensors with the header Inference-Header-Content-Length. Request parameters: ' +
    'priority (1 to 9, 0 for the default), timeout (microseconds), binary_data_output. Input parameters: binary_data_size. ' +
    'Output parameters: binary_data, classification.',
  tags: ['inference'],
  consumes: ['application/json', 'application/octet-stream'],
  body: {
    type: 'object',
    required: ['inputs'],
    properties: {
      id: { type: 'string' },
      parameters,
      inputs: { type: 'array', items: tensor },
      outputs: { type: 'array', items: { type: 'object', required: ['name'], properties: { name, parameters } } },
    },
  },
  response: {
    200: {
      description: 'The outputs',
      type: 'object',
      properties: {
        model_name: name,
        model_version: { type: 'string' },
        id: { type: 'string' },
        outputs: { type: 'array', items: tensor },
      },
    },
    '4xx': { description: 'A mistake in the request', $ref: 'Error#' },
    '5xx': { description: 'No answer', $ref: 'Error#' },
  },
} as const;

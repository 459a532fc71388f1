import { type ModelConfig, parseModelConfig } from '../../config/model-config.js';
import { didYouMean } from '../../config/suggest.js';
import { InfernodeError } from '../../errors.js';
import { quoteName } from '../../models/repository/model-name.js';
import { fieldOf, fieldsOf, invalidRequest, textOf } from '../wire/fields.js';
import { parseJson } from '../wire/infer-request.js';
import { fromTritonConfig, isTritonConfig } from './from-triton-config.js';

/**
 * What the parameters of a request to load say in place of the model's model.json: `config`, as JSON, with the keys of a
 * model.json or of Triton's ModelConfig.
 *
 * @param name of the model
 * @throws InfernodeError INF_REQUEST_*, INF_MODEL_CONFIG
 */
export function loadConfig(name: string, parameters: unknown): ModelConfig | undefined {
  if (parameters === undefined) return undefined;
  const fields = fieldsOf(parameters, 'parameters');
  const file = Object.keys(fields).find((key) => key.startsWith('file:'));
  if (file !== undefined) {
    throw new InfernodeError(
      'INF_REQUEST_UNSUPPORTED',
      'Models are loaded from the repository only, not from a request',
      { details: { name: 'parameters.file' } },
    );
  }
  const unknown = Object.keys(fields).find((key) => key !== 'config');
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, ['config']) || '; there is config';
    throw new InfernodeError('INF_REQUEST_INVALID', `There is no parameter ${quoteName(unknown)} of a load${hint}`, {
      details: { name: unknown, expected: 'config' },
    });
  }
  const text = fieldOf(fields, 'config');
  if (text === undefined) return undefined;
  const json = fieldsOf(
    parseJson(Buffer.from(textOf(text, 'parameters.config')), 'parameters.config'),
    'parameters.config',
  );
  const ours = isTritonConfig(json) ? fromTritonConfig(name, json) : json;
  const { processing, ...rest } = parseModelConfig(ours, 'parameters.config');
  if (processing === undefined) return rest;
  const { labels, ...others } = processing;
  // A path from a request would be a way to read files.
  if (typeof labels === 'string') throw invalidRequest('processing.labels', 'an array of labels', labels);
  return { ...rest, processing: { ...others, ...(labels !== undefined && { labels }) } };
}

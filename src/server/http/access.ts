import type { FastifyRequest } from 'fastify';
import { InfernodeError } from '../../errors.js';
import type { InferencePluginOptions } from '../options.js';
import { keyCheck } from './api-keys.js';
import { checkOrigin } from './origin.js';

/** Whether a request may be answered. */
export type AccessCheck = (request: Pick<FastifyRequest, 'headers' | 'method'>) => void;

/**
 * The check that the options ask for: of keys, or else of where a request comes from. It throws INF_UNAUTHENTICATED or
 * INF_FORBIDDEN.
 *
 * @throws InfernodeError INF_OPTION_INVALID for keys that no request can bring
 */
export function accessCheck({ apiKeys = [], allowedHosts }: InferencePluginOptions): AccessCheck {
  const hasKey = keyCheck(apiKeys);
  return ({ headers, method }) => {
    if (apiKeys.length === 0) {
      checkOrigin(headers, method !== 'GET' && method !== 'HEAD', allowedHosts ?? null);
    } else if (!hasKey(headers)) {
      throw new InfernodeError(
        'INF_UNAUTHENTICATED',
        'An API key is needed: Authorization: Bearer KEY, or X-API-Key: KEY',
      );
    }
  };
}

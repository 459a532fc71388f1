import { modelVersion } from '../http/model-path.js';

/** The version that a request names; undefined, the newest, if it names none. @throws InfernodeError INF_REQUEST_INVALID */
export function versionOf(text: string): number | undefined {
  return modelVersion(text === '' ? undefined : text);
}

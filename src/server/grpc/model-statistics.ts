import type { Engine } from '../../engine/engine.js';
import { modelStatistics } from '../protocol/model-statistics.js';
import { versionOf } from './model-version.js';

/**
 * The statistics of a model's version, of all its versions that serve, or, without a name, of everything that serves.
 * @throws InfernodeError INF_MODEL_NOT_FOUND, INF_MODEL_NOT_READY, INF_REQUEST_INVALID
 */
export function statisticsOf(engine: Engine, name: string, version: string): object[] {
  if (name === '') {
    const names = new Set(engine.models().flatMap((entry) => (entry.state === 'READY' ? [entry.name] : [])));
    return [...names].flatMap((each) => statisticsOf(engine, each, ''));
  }
  const asked = versionOf(version);
  const { versions } = engine.model(name, asked);
  return (asked === undefined ? versions : [asked]).map((each) => modelStatistics(engine.model(name, each)));
}

import type { FastifyBaseLogger } from 'fastify';
import type { Engine, ModelEntry } from '../engine/engine.js';
import type { InfernodeError } from '../errors.js';

/**
 * Logs what becomes of the models: which of the start do not serve, and each change after it.
 *
 * @returns what ends that
 */
export function logModels(engine: Engine, log: FastifyBaseLogger): () => void {
  /** Versions that go because somebody wants them to. */
  const leaving = new Set<string>();
  let listens = true;
  const failed = ({ name, version, reason }: ModelEntry): void =>
    log.warn({ model: name, version, reason }, 'A model does not serve');
  const onState = (entry: ModelEntry): void => {
    const { name, version, state, reason } = entry;
    const key = JSON.stringify([name, version]);
    const wasLeaving = leaving.delete(key);
    if (state === 'UNLOADING') leaving.add(key);
    else if (state === 'READY' && reason === '') log.info({ model: name, version }, 'A model serves');
    else if (state === 'READY') log.warn({ model: name, version, reason }, 'A model was not replaced');
    else if (state === 'UNAVAILABLE' && wasLeaving) log.info({ model: name, version, reason }, 'A model was unloaded');
    else if (state === 'UNAVAILABLE') failed(entry);
  };
  const onScanFailed = (error: InfernodeError): void => log.warn({ code: error.code }, error.message);
  const onDeviceFailed = ({ code, message }: InfernodeError): void => log.error({ code }, message);
  void engine.started.then(() => {
    if (!listens) return;
    for (const entry of engine.awaited()) failed(entry);
    engine.on('state', onState).on('scanFailed', onScanFailed);
    if (engine.failure !== null) onDeviceFailed(engine.failure);
    else engine.on('deviceFailed', onDeviceFailed);
  });
  return () => {
    listens = false;
    engine.off('state', onState).off('scanFailed', onScanFailed).off('deviceFailed', onDeviceFailed);
  };
}

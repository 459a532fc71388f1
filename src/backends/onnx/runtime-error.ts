import { basename } from 'node:path';
import { InfernodeError, messageOf } from '../../errors.js';

/** The coded error for a model that the runtime refuses to load; `cause` is the runtime's error, kept whole. */
export function loadError(path: string, cause: unknown): InfernodeError {
  const given = describe(cause);
  const code = isOutOfMemory(given) ? 'INF_OUT_OF_MEMORY' : 'INF_MODEL_INVALID';
  return new InfernodeError(code, `ONNX Runtime cannot load ${basename(path)}: ${given}`, {
    cause,
    details: { path, given },
  });
}

/** The coded error for a run that the runtime gave up. */
export function runError(cause: unknown): InfernodeError {
  const given = describe(cause);
  if (isOutOfMemory(given)) {
    return new InfernodeError('INF_OUT_OF_MEMORY', `The model ran out of memory: ${given}`, { cause });
  }
  const name = /invalid (?:dimensions|rank) for input: (\S+)/i.exec(given)?.[1];
  if (name !== undefined) {
    return new InfernodeError('INF_INPUT_SHAPE', `Input "${name}" has a shape that the model does not take: ${given}`, {
      cause,
      details: { name, given },
    });
  }
  return new InfernodeError('INF_MODEL_FAILED', `The model failed while it ran: ${given}`, { cause });
}

/** The runtime's message without what only its developers can use: where in its source it was raised. */
function describe(cause: unknown): string {
  return messageOf(cause)
    .replace(/^Load model from .*? failed:/, '')
    .replace(/\S+\.(?:cc|h):\d+ \S.*?\)(?: const)? /g, '')
    .trim();
}

function isOutOfMemory(message: string): boolean {
  return /failed to allocate memory|bad_alloc/i.test(message);
}

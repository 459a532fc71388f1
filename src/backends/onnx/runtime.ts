import { InfernodeError, messageOf } from '../../errors.js';

/** The package that this backend runs on; an optional dependency. */
export const PACKAGE = 'onnxruntime-node';

/** What to do where the package is missing or does not load. */
export const FIX =
  `install it with \`npm install ${PACKAGE}\`; ` +
  'where its download of CUDA libraries fails, set ONNXRUNTIME_NODE_INSTALL=skip for the install';

/**
 * Loads the runtime's native code into this process. Only worker threads call it, after the probe has seen it load
 * in a process of its own.
 *
 * @throws InfernodeError INF_BACKEND_UNAVAILABLE
 */
export async function loadRuntime(): Promise<typeof import('onnxruntime-node')> {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    throw new InfernodeError('INF_BACKEND_UNAVAILABLE', `${PACKAGE} cannot be loaded (${messageOf(cause)}); ${FIX}`, {
      cause,
    });
  }
}

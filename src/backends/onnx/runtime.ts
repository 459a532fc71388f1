import { InfernodeError, messageOf } from '../../errors.js';

/** The package that this backend runs on; an optional dependency. */
export const PACKAGE = 'onnxruntime-node';

const INSTALL =
  `\`npm install ${PACKAGE}\`; ` +
  'where its download of CUDA libraries fails, set ONNXRUNTIME_NODE_INSTALL=skip for the install';

/** What to do where the package is missing. */
export const FIX_MISSING = `install it with ${INSTALL}`;

/** What to do where it is there and does not load: npm takes a package that is there for a whole one. */
export function fixBroken(folder: string): string {
  return `remove ${folder}, then install it again with ${INSTALL}`;
}

/**
 * Loads the runtime's native code into this process, after the probe has seen it load in a process of its own.
 *
 * @throws InfernodeError INF_BACKEND_UNAVAILABLE
 */
export async function loadRuntime(): Promise<typeof import('onnxruntime-node')> {
  try {
    return await import('onnxruntime-node');
  } catch (cause) {
    const fix = fixBroken(`node_modules/${PACKAGE}`);
    throw new InfernodeError('INF_BACKEND_UNAVAILABLE', `${PACKAGE} cannot be loaded (${messageOf(cause)}); ${fix}`, {
      cause,
    });
  }
}

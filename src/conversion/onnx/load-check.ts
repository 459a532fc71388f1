import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { moduleUrl } from '../../config/package-root.js';
import { type ErrorCode, InfernodeError } from '../../errors.js';

/** What the child process says of a model; `code` is null if it loads. */
export interface LoadAnswer {
  readonly code: ErrorCode | null;
  readonly message: string;
}

const CHILD = fileURLToPath(moduleUrl('conversion/onnx/load-check-child.js'));

/**
 * Loads a converted model with the onnx backend, in a process of its own: a file that nobody has loaded before may meet
 * a fault of ONNX Runtime that ends the process.
 *
 * @throws InfernodeError INF_CONVERSION_FAILED if the model does not load, INF_BACKEND_UNAVAILABLE
 */
export async function checkLoads(path: string): Promise<void> {
  const { code, message } = await askChild(path);
  if (code === null) return;
  if (code === 'INF_BACKEND_UNAVAILABLE') throw new InfernodeError(code, message);
  throw new InfernodeError('INF_CONVERSION_FAILED', `The converted model does not load: ${message}`, {
    details: { expected: 'a model that loads', given: message },
  });
}

function askChild(path: string): Promise<LoadAnswer> {
  return new Promise((resolve) => {
    // Flags meant for the user's program, such as a debugger's, are not for this one.
    const env = { ...process.env, NODE_OPTIONS: '' };
    const child = fork(CHILD, [path], { execArgv: [], env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    let answer: LoadAnswer | undefined;
    child.on('message', (message) => {
      answer = message as LoadAnswer;
    });
    child.on('error', ({ message }) => resolve({ code: 'INF_INTERNAL', message }));
    child.on('exit', (status, signal) => {
      const why = `ONNX Runtime ended its process by ${signal ?? `status ${status}`}`;
      resolve(answer ?? { code: 'INF_INTERNAL', message: why });
    });
  });
}

/** The process of one check; see load-check.ts. */
import { onnxBackend } from '../../backends/onnx/backend.js';
import { InfernodeError, messageOf } from '../../errors.js';
import type { LoadAnswer } from './load-check.js';

process.send!(await check(process.argv[2]!), () => process.disconnect());

async function check(path: string): Promise<LoadAnswer> {
  try {
    const session = await onnxBackend.load(path, 'onnx', { device: 'cpu', threads: 1 });
    await session.close();
    return { code: null, message: '' };
  } catch (error) {
    return { code: error instanceof InfernodeError ? error.code : 'INF_INTERNAL', message: messageOf(error) };
  }
}

/** The thread of one offline optimization; see runtime-optimizer.ts. */
import { parentPort, workerData } from 'node:worker_threads';
import { beginWork, endWork } from '../../backends/onnx/exit-guard.js';
import { loadRuntime } from '../../backends/onnx/runtime.js';
import { messageOf } from '../../errors.js';
import type { OptimizeAnswer, OptimizeRequest } from './runtime-optimizer.js';

const { source, target, shared } = workerData as OptimizeRequest;

parentPort!.postMessage(await optimize());

async function optimize(): Promise<OptimizeAnswer> {
  const { InferenceSession, env } = await loadRuntime();
  // A library does not print: failures reach the caller.
  env.logLevel = 'fatal';
  if (!beginWork(shared)) return new Promise(() => {});
  try {
    const session = await InferenceSession.create(source, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      graphOptimizationLevel: 'basic',
      optimizedModelFilePath: target,
      logSeverityLevel: 4,
    });
    await session.release();
    return { failure: null };
  } catch (error) {
    return { failure: messageOf(error) };
  } finally {
    endWork(shared);
  }
}

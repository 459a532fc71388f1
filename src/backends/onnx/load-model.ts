import type { InferenceSession } from 'onnxruntime-node';
import type { ModelInfo } from '../backend.js';
import { type ExternalBytes, useExternalBytes } from './external-bytes.js';
import { checkExternalData } from './external-data.js';
import { countOps, countParameters, describeModel, readModelFile } from './model-file.js';
import { loadRuntime } from './runtime.js';
import { loadError } from './runtime-error.js';
import { checkElementTypes, checkOutputNames, describeSignature } from './signature.js';

/** `OrtLoggingLevel`: every failure reaches the caller as an error, and a library does not print. */
const LOG_FATAL = 4;

/** A model ready to run, and what it is. */
export interface LoadedModel {
  readonly session: InferenceSession;
  readonly info: ModelInfo;
}

/**
 * Checks and loads a model; blocks its thread meanwhile.
 * @throws InfernodeError INF_MODEL_NOT_FOUND, INF_MODEL_INVALID, INF_MODEL_UNSAFE, INF_INPUT_DTYPE,
 * INF_OUTPUT_UNSUPPORTED, INF_OUT_OF_MEMORY, INF_BACKEND_UNAVAILABLE
 */
export async function loadModel(path: string, threads: number): Promise<LoadedModel> {
  const { declared, facts, external } = await inspect(path);
  const { ops, parameters } = facts;
  const withoutLast = 'float16' in parameters.dtypes && !('Conv' in ops);
  const session = await useExternalBytes(external, (externalData) =>
    createSession(path, { threads, withoutLast, externalData }),
  );
  const info: ModelInfo = {
    format: 'onnx',
    backend: 'onnx',
    device: 'cpu',
    threads,
    instances: 1,
    methods: { forward: describeSignature(session, declared) },
    stateful: false,
    signatureSource: 'declared',
    ...facts,
  };
  return { session, info };
}

/** In a function of its own, so that the decoded file is garbage before the runtime reads it once more. */
async function inspect(path: string) {
  const model = await readModelFile(path);
  const external = await checkExternalData(path, model);
  const { input, output } = model.graph!;
  checkElementTypes(model.graph!);
  checkOutputNames(model.graph!);
  const facts = { ops: countOps(model), parameters: countParameters(model), metadata: describeModel(model) };
  return { declared: { input, output }, facts, external };
}

/**
 * On models with float16 weights, the last optimizations of ONNX Runtime 1.30 can crash the process: they fuse weights
 * with the casts before operators that have no float16 on CPUs (onnxruntime issues 15494 and 26717). Models without
 * convolutions run as fast `withoutLast`; others gain by them.
 */
async function createSession(
  path: string,
  {
    threads,
    withoutLast,
    externalData,
  }: { threads: number; withoutLast: boolean; externalData: readonly ExternalBytes[] },
): Promise<InferenceSession> {
  const { InferenceSession, env } = await loadRuntime();
  env.logLevel = 'fatal';
  try {
    return await InferenceSession.create(path, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: withoutLast ? 'layout' : 'all',
      logSeverityLevel: LOG_FATAL,
      externalData,
    });
  } catch (cause) {
    throw loadError(path, cause);
  }
}

import type { Tensor as RuntimeTensor } from 'onnxruntime-node';
import { isTensorLike } from '../backends/input-errors.js';
import { loadRuntime } from '../backends/onnx/runtime.js';
import { loadError, runError } from '../backends/onnx/runtime-error.js';
import { refuseTelemetry } from '../backends/onnx/telemetry.js';
import type { SampleInputs } from '../conversion/build.js';
import { matchInputs } from '../conversion/match-inputs.js';
import { InfernodeError } from '../errors.js';
import type { TensorData } from '../tensor/dtype.js';
import { Tensor } from '../tensor/tensor.js';
import type { Subject } from './protocol.js';
import type { OpenSubject } from './subject.js';

/** `OrtLoggingLevel`: what fails is thrown. */
const LOG_FATAL = 4;

/**
 * Loads an ONNX file by onnxruntime-node as its own users do, on the main thread.
 *
 * @throws InfernodeError INF_BACKEND_UNAVAILABLE, INF_MODEL_INVALID
 */
export async function openRuntime({
  file,
  threads,
}: Extract<Subject, { runtime: 'onnxruntime-node' }>): Promise<OpenSubject> {
  refuseTelemetry();
  const { InferenceSession } = await loadRuntime();
  const options = { intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: LOG_FATAL } as const;
  const session = await InferenceSession.create(file, options).catch((cause) => {
    throw loadError(file, cause);
  });
  const { inputNames, outputNames } = session;
  return {
    opened: { file, threads },
    prepare(inputs) {
      const feeds = toFeeds(inputs, inputNames);
      return () => session.run(feeds);
    },
    async run(inputs) {
      const results = await session.run(toFeeds(inputs, inputNames)).catch((cause) => {
        throw runError(cause);
      });
      return Object.fromEntries(outputNames.map((name) => [name, fromRuntime(results[name] as RuntimeTensor)]));
    },
    counts: () => null,
    scout: () => Promise.reject(new InfernodeError('INF_INTERNAL', 'Only models of the SDK are scouted')),
  };
}

function toFeeds(inputs: SampleInputs, names: readonly string[]): Record<string, RuntimeTensor> {
  const feeds: Record<string, RuntimeTensor> = {};
  for (const [name, value] of Object.entries(matchInputs(inputs, names))) {
    if (!isTensorLike(value)) throw new InfernodeError('INF_INPUT_TYPE', `Its input ${name} would be no tensor`);
    // A plain object is all that the runtime reads; its constructor would want other arrays for float16.
    feeds[name] = { type: value.dtype, dims: value.shape, data: value.data, location: 'cpu' } as never;
  }
  return feeds;
}

function fromRuntime({ type, dims, data }: RuntimeTensor): Tensor {
  const elements = data as TensorData;
  // The bits of a Float16Array, where the runtime answers with one.
  const bits =
    type === 'float16' && !Array.isArray(elements)
      ? new Uint16Array(elements.buffer, elements.byteOffset, elements.length)
      : elements;
  return Tensor.trusted(type as Tensor['dtype'], bits as never, dims);
}

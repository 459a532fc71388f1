import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Outputs, Session } from '../../backends/backend.js';
import { onnxBackend } from '../../backends/onnx/backend.js';
import { makeScratchFolder } from '../../config/scratch-folder.js';
import { abortError, InfernodeError, messageOf } from '../../errors.js';
import type { Tensor } from '../../tensor/tensor.js';
import { NUMBERS_PER_TENSOR, withExtremes, withTensors } from './calibration-graph.js';
import { Histogram } from './histogram.js';
import { type ObserverName, rangeOf } from './observer.js';
import type { ModelProto } from './onnx-proto.js';
import type { Range } from './qdq-apply.js';
import { writeModel } from './write-model.js';

/** Inputs of one inference, by name. */
export type Sample = Readonly<Record<string, Tensor>>;

export interface CalibrationOptions {
  /** `min-max` unless said otherwise. */
  readonly observer?: ObserverName;
  readonly threads?: number;
  readonly signal?: AbortSignal;
  /** Called after each sample with the number of samples so far. */
  readonly onSample?: (count: number) => void;
}

/** What is known of each tensor so far. Nothing else is kept of a sample. */
interface Collector {
  readonly model: ModelProto;
  /** Takes the outputs for one sample; gives the first tensor that holds NaN or infinity. */
  add(outputs: Outputs): Promise<string | undefined>;
  ranges(): Map<string, Range>;
}

/**
 * Runs a model over samples and finds the range of tensors inside it. The model runs in the onnx backend's thread.
 *
 * @param tensors names of float32 tensors, as `tensorsToObserve` gives them
 * @throws InfernodeError INF_CALIBRATION_INVALID if there is no sample, or one that the model does not take or that leads
 * to NaN or infinity; INF_ABORTED; INF_BACKEND_UNAVAILABLE
 */
export async function calibrate(
  model: ModelProto,
  tensors: readonly string[],
  samples: AsyncIterable<Sample> | Iterable<Sample>,
  { observer = 'min-max', threads = 1, signal, onSample }: CalibrationOptions = {},
): Promise<Map<string, Range>> {
  const collector = observer === 'min-max' ? extremes(model, tensors) : histograms(model, tensors, observer);
  const folder = makeScratchFolder();
  let session: Session | undefined;
  try {
    const path = join(folder, 'observed.onnx');
    await writeModel(path, collector.model);
    session = await onnxBackend.load(path, 'onnx', { device: 'cpu', threads });
    let count = 0;
    for await (const sample of samples) {
      if (signal?.aborted) throw abortError(signal, 'The calibration');
      const bad = await collector.add(await runSample(session, sample, count, signal));
      if (bad !== undefined) throw invalid(count, `makes tensor ${JSON.stringify(bad)} NaN or infinite`, bad);
      count++;
      onSample?.(count);
    }
    if (count === 0) throw invalid(null, 'There are no samples to calibrate with');
    return collector.ranges();
  } finally {
    await session?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function runSample(session: Session, sample: Sample, index: number, signal?: AbortSignal): Promise<Outputs> {
  try {
    return await session.run('forward', sample, signal);
  } catch (cause) {
    if (cause instanceof InfernodeError && (cause.code === 'INF_ABORTED' || cause.httpStatus === 503)) throw cause;
    throw invalid(index, `does not suit the model: ${messageOf(cause)}`, undefined, cause);
  }
}

function invalid(index: number | null, what: string, name?: string, cause?: unknown): InfernodeError {
  const message = index === null ? what : `Sample ${index} of the calibration ${what}`;
  return new InfernodeError('INF_CALIBRATION_INVALID', message, {
    cause,
    details: { ...(name !== undefined && { name }), sample: index, expected: 'samples as for inference', given: what },
  });
}

function extremes(model: ModelProto, tensors: readonly string[]): Collector {
  const ranges = new Map<string, Range>();
  return {
    model: withExtremes(model, tensors),
    async add(outputs) {
      const numbers = Object.values(outputs)[0]!.data as Float32Array;
      for (const [index, name] of tensors.entries()) {
        const start = index * NUMBERS_PER_TENSOR;
        const [min, max, sum] = numbers.subarray(start, start + NUMBERS_PER_TENSOR) as unknown as [
          number,
          number,
          number,
        ];
        if (![min, max, sum].every(Number.isFinite)) return name;
        const known = ranges.get(name);
        ranges.set(name, known ? { min: Math.min(known.min, min), max: Math.max(known.max, max) } : { min, max });
      }
      return undefined;
    },
    ranges: () => ranges,
  };
}

function histograms(
  model: ModelProto,
  tensors: readonly string[],
  observer: Exclude<ObserverName, 'min-max'>,
): Collector {
  const counted = tensors.map(() => new Histogram());
  return {
    model: withTensors(model, tensors),
    async add(outputs) {
      for (const [index, tensor] of Object.values(outputs).entries()) {
        if (!counted[index]!.add(tensor.data as Float32Array)) return tensors[index];
        // Counting millions of values takes a while; others have their turn between two tensors.
        await nextTurn();
      }
      return undefined;
    },
    ranges: () => new Map(tensors.map((name, index) => [name, rangeOf(observer, counted[index]!)])),
  };
}

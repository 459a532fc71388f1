import { realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { abortError, InfernodeError } from '../../errors.js';
import { calibrate, type Sample } from './calibrate.js';
import { convertFloat16 } from './convert-float16.js';
import type { ModelProto } from './onnx-proto.js';
import { publishModel } from './publish-model.js';
import { quantizeDynamic } from './quantize-dynamic.js';
import { quantizeStatic, tensorsToObserve } from './quantize-static.js';
import { prepareForQuantization } from './quantizing-model.js';
import { readModel } from './read-model.js';
import { checkRecipe, type OnnxRecipe } from './recipe.js';
import type { QuantizationReport } from './report.js';
import { optimizeByRuntime } from './runtime-optimizer.js';

/** Where a conversion is; `samples` counts those that calibration has seen. */
export interface ConversionProgress {
  readonly stage: 'read' | 'optimize' | 'calibrate' | 'convert' | 'write';
  readonly samples?: number;
}

export interface ConversionOptions {
  /** Inputs as for inference, by name; for static quantization. Some hundred, of all kinds that the model will meet. */
  readonly samples?: AsyncIterable<Sample> | Iterable<Sample>;
  /** Threads of calibration. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ConversionProgress) => void;
}

/**
 * Converts an ONNX model and writes the result, once it has been seen to load. The target is written whole or not at all.
 *
 * @throws InfernodeError INF_QUANTIZE_NOTHING, INF_QUANTIZED_ALREADY, INF_CALIBRATION_INVALID, INF_CONVERSION_FAILED,
 * INF_OPTION_INVALID, INF_ABORTED, INF_MODEL_NOT_FOUND, INF_MODEL_INVALID, INF_MODEL_UNSAFE, INF_BACKEND_UNAVAILABLE
 */
export async function convertOnnx(
  source: string,
  target: string,
  recipe: OnnxRecipe,
  { samples, threads = 1, signal, onProgress = () => {} }: ConversionOptions = {},
): Promise<QuantizationReport> {
  checkRecipe(recipe);
  await checkPaths(source, target);
  const enter = (stage: ConversionProgress['stage']): void => {
    if (signal?.aborted) throw abortError(signal, 'The conversion');
    onProgress({ stage });
  };
  enter('read');
  let model: ModelProto;
  let report: QuantizationReport;
  if (recipe.precision === 'fp16') {
    model = await readModel(source);
    // The runtime puts the bodies of functions in their places.
    if (model.functions.length > 0) model = await optimizeByRuntime(model, signal);
    enter('convert');
    report = convertFloat16(model, recipe);
  } else {
    model = await readForQuantization(source, { ...(signal && { signal }), onOptimize: () => enter('optimize') });
    if (recipe.mode === 'dynamic') {
      enter('convert');
      report = quantizeDynamic(model, recipe);
    } else {
      const tensors = tensorsToObserve(model, recipe);
      enter('calibrate');
      const ranges = await calibrate(model, tensors, samples ?? [], {
        observer: recipe.observer ?? 'min-max',
        threads,
        ...(signal && { signal }),
        onSample: (count) => onProgress({ stage: 'calibrate', samples: count }),
      });
      enter('convert');
      report = quantizeStatic(model, ranges, recipe);
    }
  }
  enter('write');
  const bytesAfter = await publishModel(target, model);
  // The size of the file says little of a model whose weights lie beside it.
  return { ...report, bytesBefore: Math.max(report.bytesBefore, (await stat(source)).size), bytesAfter };
}

/**
 * Reads a model and prepares it for quantization as {@link convertOnnx} does, by the runtime's optimizations too. The
 * nodes that `listQuantizable` then lists are those that `exclude` names.
 *
 * @throws InfernodeError INF_QUANTIZED_ALREADY, INF_CONVERSION_FAILED, INF_ABORTED, INF_MODEL_*
 */
export async function readForQuantization(
  source: string,
  { signal, onOptimize = () => {} }: { readonly signal?: AbortSignal; readonly onOptimize?: () => void } = {},
): Promise<ModelProto> {
  const model = await readModel(source);
  prepareForQuantization(model);
  onOptimize();
  const optimized = await optimizeByRuntime(model, signal);
  prepareForQuantization(optimized);
  return optimized;
}

/** The source must outlive a conversion, whatever comes of it. */
async function checkPaths(source: string, target: string): Promise<void> {
  const [from, to] = await Promise.all([source, target].map((path) => realpath(path).catch(() => resolve(path))));
  if (from !== to) return;
  throw new InfernodeError('INF_OPTION_INVALID', `The converted model cannot replace its source ${source}`, {
    details: { name: 'target', expected: 'another file than the source', given: target },
  });
}

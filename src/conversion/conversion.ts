import type { NativeRecipe } from '../backends/native/addon.js';
import { readModelFile } from '../backends/onnx/model-file.js';
import { backendOf } from '../backends/registry.js';
import type { TorchBackend } from '../backends/torch/backend.js';
import type { ObservedSession } from '../backends/torch/observed-session.js';
import { InfernodeError } from '../errors.js';
import { Tensor } from '../tensor/tensor.js';
import type { Build, SampleInputs } from './build.js';
import type { ConversionReport } from './candidate-protocol.js';
import { matchInputs } from './match-inputs.js';
import { convertOnnx, readForQuantization } from './onnx/convert.js';
import { listQuantizable } from './onnx/list-quantizable.js';
import type { OnnxRecipe } from './onnx/recipe.js';

/** The making of a file in another precision; samples are shown to it one by one. Run it in a process of its own. */
export class Conversion {
  readonly #samples: Record<string, Tensor>[] = [];

  private constructor(
    private readonly build: Build,
    private readonly target: string,
    private readonly observed: ObservedSession | null,
    /** The inputs of the model, in its order. */
    private readonly names: readonly string[],
  ) {}

  /** @throws InfernodeError INF_QUANTIZE_NOTHING, INF_QUANTIZED_ALREADY, INF_CONVERSION_FAILED, INF_MODEL_*, INF_PRECISION_* */
  static async begin(build: Build, target: string, libtorch: string | undefined): Promise<Conversion> {
    if (build.backend === 'onnx') return new Conversion(build, target, null, await inputNames(build.source));
    const observed = await observe(build, libtorch);
    return new Conversion(build, target, observed, observed.inputNames);
  }

  /** @throws InfernodeError INF_INPUT_*, INF_MODEL_FAILED */
  async show(sample: SampleInputs): Promise<void> {
    const inputs = matchInputs(sample, this.names);
    if (this.observed !== null) await this.observed.observe(inputs);
    else this.#samples.push(tensorsOnly(inputs));
  }

  /** Writes the file. @throws InfernodeError INF_CALIBRATION_INVALID, INF_QUANTIZE_NOTHING, INF_CONVERSION_FAILED */
  async finish(): Promise<ConversionReport> {
    if (this.observed !== null) {
      const { quantized, left } = await this.observed.convert(this.target);
      await this.observed.close();
      return { converted: quantized, left };
    }
    const { source, mode } = this.build;
    const samples = mode === 'static' ? this.#samples : [];
    const { quantized, left } = await convertOnnx(source, this.target, onnxRecipe(this.build), { samples });
    return { converted: quantized, left: Object.fromEntries(left.map(({ operator, count }) => [operator, count])) };
  }
}

async function inputNames(source: string): Promise<string[]> {
  const { input, initializer } = (await readModelFile(source)).graph!;
  const weights = new Set(initializer.map(({ name }) => name));
  return input.map(({ name }) => name).filter((name) => !weights.has(name));
}

/** The names of the layers that a build quantizes, in the order of the model; `exclude` takes them. */
export async function quantizableLayers(build: Build, libtorch: string | undefined): Promise<readonly string[]> {
  if (build.backend === 'onnx') {
    return listQuantizable(await readForQuantization(build.source), build.mode!).map(({ name }) => name);
  }
  const observed = await observe(build, libtorch);
  await observed.close();
  return observed.layers;
}

function observe(build: Build, libtorch: string | undefined): Promise<ObservedSession> {
  if (build.precision !== 'int8') {
    throw new InfernodeError('INF_PRECISION_UNSUPPORTED', `The torch backend makes no file in ${build.precision}`);
  }
  const recipe: NativeRecipe = {
    mode: build.mode ?? 'static',
    observer: build.observer ?? 'min-max',
    reduceRange: build.reduceRange ?? false,
    exclude: build.exclude ?? [],
  };
  // The only backend that is asked by its class: no other one quantizes.
  const backend = backendOf('torch', libtorch) as TorchBackend;
  return backend.observe(build.source, recipe, { device: 'cpu', threads: 1 });
}

function onnxRecipe({ precision, mode, observer, reduceRange, exclude }: Build): OnnxRecipe {
  const excluded = exclude && { exclude };
  if (precision === 'fp16') return { precision: 'fp16', ...excluded };
  const int8 = { precision: 'int8', ...(reduceRange && { reduceRange }), ...excluded } as const;
  if (mode === 'dynamic') return { ...int8, mode, convolutions: false };
  return { ...int8, mode: 'static', ...(observer && { observer }) };
}

function tensorsOnly(inputs: SampleInputs): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(inputs).filter((entry): entry is [string, Tensor] => entry[1] instanceof Tensor),
  );
}

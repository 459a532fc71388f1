import type { BackendStatus, ModelInfo } from '../backends/backend.js';
import { hasBfloat16, hasVnni } from '../config/cpu-features.js';
import type { SystemInfo } from '../config/system-info.js';
import type { Build } from '../conversion/build.js';
import { isQuantized } from '../conversion/is-quantized.js';
import type { ModelCandidate } from '../models/locate.js';

/** A build that is not tried, and why. */
export interface PassedOver {
  readonly name: string;
  readonly reason: string;
}

/** What the choice of builds depends on. */
export interface Situation {
  readonly system: SystemInfo;
  readonly backends: readonly BackendStatus[];
  /** The files that hold the model. */
  readonly files: readonly ModelCandidate[];
  /** The model as it was saved. */
  readonly info: ModelInfo;
  /** Whether there are samples to calibrate on. */
  readonly calibrates: boolean;
  readonly objective: 'latency' | 'throughput' | 'memory';
}

/**
 * The decision tree: which builds are worth trying. By hardware (BF16 needs instructions for it, INT8 seven bits without
 * VNNI), by the model (convolutions need static quantization, linear layers may be quantized dynamically, a model that is
 * stateful or quantized stays as it is) and by what is asked (FP16 halves the file and is slow on a CPU).
 */
export function selectBuilds(situation: Situation): { builds: Build[]; passedOver: PassedOver[] } {
  const builds: Build[] = [];
  const passedOver: PassedOver[] = [];
  for (const { file, format } of situation.files) {
    const backend = situation.backends.find((status) => status.formats.includes(format));
    if (backend === undefined) continue;
    if (!backend.available) passedOver.push({ name: backend.name, reason: backend.reason });
    else if (format === 'torchscript') addTorchScript(file, situation, builds, passedOver);
    else if (format === 'onnx') addOnnx(file, situation, builds, passedOver);
    else {
      const asSaved = { precision: 'fp32', asSaved: true } as const;
      builds.push({ ...asSaved, name: 'torch fp32 (compiled)', backend: 'torch', source: file, format });
    }
  }
  return { builds, passedOver };
}

function addTorchScript(source: string, situation: Situation, builds: Build[], passedOver: PassedOver[]): void {
  const common = { backend: 'torch', source, format: 'torchscript' } as const;
  const { system, info } = situation;
  const saved = asSaved(common, info);
  builds.push(saved);
  const nhwc = hasConvolution(info) ? { layout: { channelsLast: true } } : undefined;
  if (nhwc) builds.push({ ...saved, name: `${saved.name} nhwc`, ...nhwc });
  const why = whyAsItIs(info);
  if (why !== undefined) {
    passedOver.push({ name: 'torch bf16, int8', reason: why });
    return;
  }
  if (saved.precision === 'bf16') passedOver.push({ name: 'torch bf16', reason: 'the model is in BF16 already' });
  else if (hasBfloat16(system)) {
    builds.push({ ...common, name: `torch bf16${nhwc ? ' nhwc' : ''}`, precision: 'bf16', ...nhwc });
  } else passedOver.push({ name: 'torch bf16', reason: 'this CPU has no instructions for BF16' });
  passedOver.push({ name: 'torch fp16', reason: 'FP16 is several times slower than FP32 on a CPU' });
  addInt8(common, situation, builds, passedOver);
}

function addOnnx(source: string, situation: Situation, builds: Build[], passedOver: PassedOver[]): void {
  const common = { backend: 'onnx', source, format: 'onnx' } as const;
  builds.push(asSaved(common, situation.info));
  const why = whyAsItIs(situation.info);
  if (why !== undefined) {
    passedOver.push({ name: 'onnx int8, fp16', reason: why });
    return;
  }
  addInt8(common, situation, builds, passedOver);
  if (situation.objective === 'memory') builds.push({ ...common, name: 'onnx fp16', precision: 'fp16' });
  else passedOver.push({ name: 'onnx fp16', reason: 'FP16 saves memory, not time, on a CPU' });
}

/** The model in the precision that its file holds, which the others are compared with. */
function asSaved(common: Common, info: ModelInfo): Build {
  const precision = savedPrecision(info);
  const name = `${common.backend} ${precision}${precision === 'fp32' ? '' : ' as saved'}`;
  return { ...common, name, precision, asSaved: true };
}

/** Of most weights. */
function savedPrecision(info: ModelInfo): Build['precision'] {
  if (isQuantized(info)) return 'int8';
  const { dtypes, count } = info.parameters;
  if ((dtypes.float16 ?? 0) > count / 2) return 'fp16';
  return (dtypes.bfloat16 ?? 0) > count / 2 ? 'bf16' : 'fp32';
}

type Common = Pick<Build, 'backend' | 'source' | 'format'>;

function addInt8(common: Common, situation: Situation, builds: Build[], passedOver: PassedOver[]): void {
  const { info, system, calibrates } = situation;
  const { backend } = common;
  const reduceRange = !hasVnni(system);
  const int8 = { ...common, precision: 'int8', reduceRange } as const;
  if (hasConvolution(info)) {
    passedOver.push({ name: `${backend} int8 dynamic`, reason: 'convolutions are not faster so' });
  } else if (hasLinear(info)) builds.push({ ...int8, name: `${backend} int8 dynamic`, mode: 'dynamic' });
  else passedOver.push({ name: `${backend} int8 dynamic`, reason: 'the model has no linear or recurrent layer' });
  if (!calibrates) {
    passedOver.push({ name: `${backend} int8 static`, reason: 'needs calibration samples' });
    return;
  }
  builds.push(
    { ...int8, name: `${backend} int8 static`, mode: 'static', observer: 'min-max' },
    { ...int8, name: `${backend} int8 static mse`, mode: 'static', observer: 'mse' },
  );
}

/** Why a model stays in the precision that it has; undefined if it need not. */
function whyAsItIs(info: ModelInfo): string | undefined {
  if (isQuantized(info)) return 'the model is quantized already';
  return info.stateful ? 'the model keeps state between calls' : undefined;
}

function hasConvolution({ ops }: ModelInfo): boolean {
  return Object.keys(ops).some((op) => /conv/i.test(op));
}

function hasLinear({ ops }: ModelInfo): boolean {
  return Object.keys(ops).some((op) => /linear|addmm|matmul|gemm|attention|lstm|gru/i.test(op));
}

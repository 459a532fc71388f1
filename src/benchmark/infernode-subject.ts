import type { InputValue, ModelInfo, Session } from '../backends/backend.js';
import { methodOf } from '../backends/methods.js';
import type { ModelConfig } from '../config/model-config.js';
import { isQuantized } from '../conversion/is-quantized.js';
import { CostModel } from '../engine/batching/cost-model.js';
import { tryRows } from '../engine/batching/try-rows.js';
import { load } from '../engine/load.js';
import { inputMaker } from '../engine/made-up-inputs.js';
import type { Model } from '../engine/model.js';
import { findWorkingInputs } from '../engine/working-inputs.js';
import type { MatmulPrecision, Scouted, Subject } from './protocol.js';
import type { OpenSubject } from './subject.js';

/** Loads a model as users of the SDK do. @throws InfernodeError as `load` does */
export async function openInfernode({
  path,
  options,
  method: asked,
}: Extract<Subject, { runtime: 'infernode' }>): Promise<OpenSubject> {
  const model = await load(path, options);
  const { method } = methodOf(model.info, asked);
  const opened = { file: model.file, threads: model.info.threads };
  return {
    opened,
    prepare: (inputs) => () => model.run(inputs, { method }),
    run: (inputs) => model.run(inputs, { method }),
    counts() {
      const { success, executionCount } = model.statistics;
      return { requests: success.count, calls: executionCount };
    },
    scout: async () => ({ ...opened, ...(await scout(model, method, options.precision)) }),
  };
}

type Facts = Omit<Scouted, 'loadMs' | 'file' | 'threads'>;

async function scout(model: Model, method: string, asked: string | undefined): Promise<Facts> {
  const { info, config, choice } = model;
  const signature = info.methods[method]!;
  // This process ends when it has answered: traces that calls leave in a model's state do no harm.
  const session = {
    info: { ...info, stateful: false },
    run: (_: string, inputs) => model.run(inputs, { method }),
  } as Session;
  const trial = { session, method, signature, maker: inputMaker(signature, config) };
  const working = await findWorkingInputs(trial);
  const { rows, ...why } = info.stateful
    ? { rows: 1, reason: 'its calls depend on the ones before', isCertain: true }
    : await tryRows(trial, working, new CostModel());
  const { format, backend, device, stateful } = info;
  return {
    format,
    backend,
    device,
    stateful,
    reason: choice.reason,
    method,
    signature,
    config,
    precision: precisionOf(info, config, asked),
    madeUp: working === null ? null : named(signature.inputs, working.first),
    rows: { most: rows, ...why },
  };
}

/** Optional inputs are not made up. */
function named(inputs: Facts['signature']['inputs'], values: readonly InputValue[]): Record<string, InputValue> {
  const required = inputs.filter(({ optional }) => !optional);
  return Object.fromEntries(required.map(({ name }, index) => [name, values[index]!]));
}

/** What most multiplications are computed in; null for others than these. */
export function precisionOf(
  info: ModelInfo,
  config: ModelConfig | null,
  asked: string | undefined,
): MatmulPrecision | null {
  if (isQuantized(info)) return 'int8';
  const { dtypes, count } = info.parameters;
  const most = (dtype: string) => (dtypes[dtype] ?? 0) > count / 2;
  if ((asked ?? config?.precision) === 'bf16' || most('bfloat16')) return 'bf16';
  return most('float16') || most('float64') ? null : 'fp32';
}

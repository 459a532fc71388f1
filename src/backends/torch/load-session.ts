import { InfernodeError } from '../../errors.js';
import type { ModelFormat, ModelInfo, Session, SessionOptions } from '../backend.js';
import type { BackendHandle, NativeRecipe, SessionHandle } from '../native/addon.js';
import { readAotiPackage } from './aoti-package.js';
import { fromNative, type NativeCalls } from './native-calls.js';
import { TorchSession } from './session.js';

/** What the native description of a TorchScript model holds. */
type TorchScriptDescription = Pick<ModelInfo, 'methods' | 'stateful' | 'ops' | 'parameters' | 'metadata' | 'device'>;

interface AotiDescription {
  readonly inputSpec: string;
  readonly outputSpec: string;
  readonly device: string;
  readonly parameters: ModelInfo['parameters'];
  readonly metadata: Record<string, string>;
}

/**
 * Loads a model on the executor.
 * @throws InfernodeError INF_MODEL_INVALID, INF_PRECISION_UNSUPPORTED, INF_OUT_OF_MEMORY, INF_DEVICE_UNAVAILABLE; INF_OPTION_INVALID for several
 * instances of a stateful model
 */
export async function loadSession(
  calls: NativeCalls,
  handle: BackendHandle,
  path: string,
  format: ModelFormat,
  options: SessionOptions,
): Promise<Session> {
  const { session, text } = await loadNative(calls, handle, path, format, options);
  const { threads, instances = 1 } = options;
  const common = { format, backend: 'torch', threads, instances } as const;
  if (format === 'torchscript') {
    const description = JSON.parse(text) as TorchScriptDescription;
    const loaded = new TorchSession(
      calls,
      session,
      { ...common, ...description, signatureSource: 'derived' },
      undefined,
    );
    if (description.stateful && instances > 1) {
      await loaded.close();
      throw severalOfStateful(path, instances);
    }
    return loaded;
  }
  const { inputSpec, outputSpec, device, parameters, metadata } = JSON.parse(text) as AotiDescription;
  const { signature, outputNames } = await readAotiPackage(path, { input: inputSpec, output: outputSpec });
  const info: ModelInfo = {
    ...common,
    device,
    methods: { forward: signature },
    stateful: false,
    signatureSource: 'declared',
    ops: {},
    parameters,
    metadata,
  };
  return new TorchSession(calls, session, info, outputNames);
}

export function severalOfStateful(path: string, instances: number): InfernodeError {
  return new InfernodeError(
    'INF_OPTION_INVALID',
    `${path} keeps state between its calls, which therefore run one by one, in order: it has 1 instance, not ${instances}`,
    { details: { name: 'instances', expected: '1', given: String(instances) } },
  );
}

/** Loads a model, for quantization if there is a recipe. `text` is the native description, JSON. */
export async function loadNative(
  calls: NativeCalls,
  handle: BackendHandle,
  path: string,
  format: ModelFormat,
  options: SessionOptions,
  recipe?: NativeRecipe,
): Promise<{ session: SessionHandle; text: string }> {
  const { device, threads, instances = 1, precision = 'auto', layout = {}, graphs = false, memoryLimit = 0 } = options;
  const channelsLast = layout.channelsLast === undefined ? -1 : layout.channelsLast ? 1 : 0;
  const fuse = layout.fuse ?? true;
  const native = {
    path,
    format,
    device,
    threads,
    instances,
    precision,
    channelsLast,
    fuse,
    graphs,
    memoryLimit,
  } as const;
  let session!: SessionHandle;
  try {
    const { done } = calls.start<string>((ticket) => {
      session = calls.addon.load(handle, recipe === undefined ? native : { ...native, recipe }, ticket);
    });
    return { text: await done, session };
  } catch (error) {
    throw fromNative(error, `${path} cannot be loaded`);
  }
}

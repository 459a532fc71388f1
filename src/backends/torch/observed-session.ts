import { InfernodeError } from '../../errors.js';
import type { Inputs, ModelInfo, SessionOptions } from '../backend.js';
import type { BackendHandle, NativeRecipe, SessionHandle } from '../native/addon.js';
import { loadNative } from './load-session.js';
import { fromNative, type NativeCalls } from './native-calls.js';
import { TorchSession } from './session.js';

/** What a conversion did: operations by name that are quantized, and those with weights that stay as they were. */
export interface QuantizationReport {
  readonly quantized: Readonly<Record<string, number>>;
  readonly left: Readonly<Record<string, number>>;
}

type Description = Pick<ModelInfo, 'methods' | 'stateful' | 'ops' | 'parameters' | 'metadata' | 'device'> & {
  readonly quantizable: readonly string[];
};

/** A model on its way to INT8: it runs in float32, slower, and watches its tensors. */
export class ObservedSession {
  private constructor(
    private readonly calls: NativeCalls,
    private readonly handle: SessionHandle,
    private readonly session: TorchSession,
    /** Names of the submodules that this recipe quantizes, in the order of the program. */
    readonly layers: readonly string[],
    private readonly path: string,
  ) {}

  /** @throws InfernodeError as `load` does, and INF_QUANTIZE_NOTHING, INF_QUANTIZED_ALREADY, INF_CONVERSION_FAILED */
  static async open(
    calls: NativeCalls,
    handle: BackendHandle,
    path: string,
    recipe: NativeRecipe,
    options: SessionOptions,
  ): Promise<ObservedSession> {
    const { session, text } = await loadNative(
      calls,
      handle,
      path,
      'torchscript',
      { ...options, instances: 1 },
      recipe,
    );
    const { quantizable, ...description } = JSON.parse(text) as Description;
    const { threads } = options;
    const info: ModelInfo = {
      format: 'torchscript',
      backend: 'torch',
      threads,
      instances: 1,
      signatureSource: 'derived',
      ...description,
    };
    const opened = new TorchSession(calls, session, info, undefined);
    if (info.stateful && recipe.mode === 'static') {
      await opened.close();
      throw new InfernodeError(
        'INF_CONVERSION_FAILED',
        `${path} keeps state between calls, which the calibration samples would change: use dynamic quantization`,
      );
    }
    return new ObservedSession(calls, session, opened, quantizable, path);
  }

  /** In the order of the program. */
  get inputNames(): readonly string[] {
    return this.session.info.methods.forward!.inputs.map(({ name }) => name);
  }

  /** Shows the model one sample, which may be a batch. @throws InfernodeError as `Session.run` does */
  async observe(inputs: Inputs): Promise<void> {
    await this.session.run('forward', inputs);
  }

  /**
   * Writes the quantized model; the session is used up.
   * @throws InfernodeError INF_CALIBRATION_INVALID, INF_QUANTIZE_NOTHING, INF_CONVERSION_FAILED
   */
  async convert(target: string): Promise<QuantizationReport> {
    try {
      const { done } = this.calls.start<string>((ticket) => this.calls.addon.convert(this.handle, target, ticket));
      return JSON.parse(await done) as QuantizationReport;
    } catch (error) {
      throw fromNative(error, `${this.path} cannot be quantized`);
    }
  }

  close(): Promise<void> {
    return this.session.close();
  }
}

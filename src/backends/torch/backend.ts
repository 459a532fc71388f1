import { InfernodeError } from '../../errors.js';
import type { Backend, BackendStatus, ModelFormat, Session, SessionOptions } from '../backend.js';
import type { NativeRecipe } from '../native/addon.js';
import { checkTarget } from './aoti-target.js';
import { findWorking, type Search } from './find-working.js';
import { describeGpus, type GpuFacts } from './gpu-facts.js';
import { loadSession } from './load-session.js';
import { ObservedSession } from './observed-session.js';
import { type Opened, type Opening, openWorking } from './open-working.js';
import { loadPlaced } from './placed-session.js';

const FORMATS: readonly ModelFormat[] = ['torchscript', 'aotinductor'];

/** libtorch through the native add-on: TorchScript and AOTInductor. */
export class TorchBackend implements Backend {
  readonly name = 'torch';
  readonly formats = FORMATS;
  private searching: Promise<Search> | undefined;
  private opening: Promise<Opening> | undefined;

  /** @param libtorch folder of a libtorch to use instead of the one that would be found */
  constructor(private readonly libtorch?: string) {}

  async probe({ fresh = false } = {}): Promise<BackendStatus> {
    return statusOf(await (fresh ? this.searchAfresh() : this.search()));
  }

  async prepare(): Promise<BackendStatus> {
    return statusOf((await this.open()).search);
  }

  async load(path: string, format: ModelFormat, options: SessionOptions): Promise<Session> {
    const { calls, handle } = await this.require(options);
    if (format === 'aotinductor') {
      checkAsSaved(path, options);
      await checkTarget(path, options.device);
    }
    return loadPlaced(path, options, (part) => loadSession(calls, handle, path, format, part));
  }

  /**
   * Loads a TorchScript file for quantization to INT8. libtorch's passes may crash on odd models: call this in a process of
   * its own.
   * @throws InfernodeError as `load` does, and INF_QUANTIZE_NOTHING, INF_QUANTIZED_ALREADY, INF_CONVERSION_FAILED
   */
  async observe(path: string, recipe: NativeRecipe, options: SessionOptions): Promise<ObservedSession> {
    const { calls, handle } = await this.require(options);
    return ObservedSession.open(calls, handle, path, recipe, options);
  }

  private async require(options: SessionOptions): Promise<Opened> {
    const { search, opened } = await this.open();
    const { reason, invalid } = search;
    if (opened === null) {
      const code = invalid === null ? 'INF_BACKEND_UNAVAILABLE' : invalid.code;
      throw new InfernodeError(code, `The torch backend is unavailable: ${reason}`, {
        ...(invalid === null ? {} : { cause: invalid, details: invalid.details }),
      });
    }
    const status = statusOf(search);
    for (const device of options.devices ?? [options.device]) {
      if (status.devices.includes(device)) continue;
      const why = status.gpu?.unavailable === undefined ? '' : `: ${status.gpu.unavailable}`;
      throw new InfernodeError(
        'INF_DEVICE_UNAVAILABLE',
        `There is no device ${device}; the torch backend has ${status.devices.join(', ')}${why}`,
        { details: { expected: status.devices.join(', '), given: device } },
      );
    }
    return opened;
  }

  private search(): Promise<Search> {
    this.searching ??= findWorking(this.libtorch);
    return this.searching;
  }

  private searchAfresh(): Promise<Search> {
    this.searching = findWorking(this.libtorch, { fresh: true });
    return this.searching;
  }

  private open(): Promise<Opening> {
    this.opening ??= this.search().then(async (search) => {
      const opening = await openWorking(search, () => this.searchAfresh());
      this.searching = Promise.resolve(opening.search);
      return opening;
    });
    return this.opening;
  }
}

/** A package holds compiled code, which cannot change its precision. */
function checkAsSaved(path: string, { precision = 'auto' }: SessionOptions): void {
  if (precision === 'auto' || precision === 'fp32') return;
  throw new InfernodeError(
    'INF_PRECISION_UNSUPPORTED',
    `${path} is compiled and runs in the precision that it was compiled for: export the model in ${precision}`,
    { details: { expected: 'auto', given: precision } },
  );
}

function statusOf({ working, attempts, reason, invalid }: Search): BackendStatus {
  const common = { name: 'torch', formats: FORMATS, attempts } as const;
  if (working === null) {
    const code = invalid === null ? {} : { code: invalid.code };
    return { ...common, ...code, available: false, reason, version: null, devices: [] };
  }
  const { description, place } = working;
  return {
    ...common,
    available: true,
    reason: `libtorch ${description.runtimeVersion} from ${place.lib}`,
    version: place.version ?? description.runtimeVersion,
    devices: description.devices.split(','),
    gpu: describeGpus((JSON.parse(description.details) as { cuda: GpuFacts }).cuda),
  };
}

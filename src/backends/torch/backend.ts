import { InfernodeError, messageOf } from '../../errors.js';
import type { Attempt, Backend, BackendStatus, ModelFormat, Session, SessionOptions } from '../backend.js';
import type { BackendDescription, BackendHandle, NativeRecipe } from '../native/addon.js';
import { type AddonFiles, findAddon } from '../native/find-addon.js';
import { probeNative } from '../native/probe.js';
import { checkTarget } from './aoti-target.js';
import { findLibtorch, type LibtorchPlace, librariesOf } from './find-libtorch.js';
import { describeGpus, type GpuFacts } from './gpu-facts.js';
import { loadSession } from './load-session.js';
import { NativeCalls } from './native-calls.js';
import { ObservedSession } from './observed-session.js';
import { loadPlaced } from './placed-session.js';

const FORMATS: readonly ModelFormat[] = ['torchscript', 'aotinductor'];

/** A libtorch that works with an add-on, as a child process found. */
interface Working {
  readonly files: AddonFiles & { readonly torch: string };
  readonly lib: string;
  readonly description: BackendDescription;
}

interface Opened {
  readonly calls: NativeCalls;
  readonly handle: BackendHandle;
}

/** libtorch through the native add-on: TorchScript and AOTInductor. */
export class TorchBackend implements Backend {
  readonly name = 'torch';
  readonly formats = FORMATS;
  private probing: Promise<{ status: BackendStatus; working: Working | null }> | undefined;
  private opened: Opened | undefined;

  /** @param libtorch folder of a libtorch to use instead of the one that would be found */
  constructor(private readonly libtorch?: string) {}

  async probe(): Promise<BackendStatus> {
    return (await this.search()).status;
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
    const { status, working } = await this.search();
    if (working === null)
      throw new InfernodeError('INF_BACKEND_UNAVAILABLE', `The torch backend is unavailable: ${status.reason}`);
    for (const device of options.devices ?? [options.device]) {
      if (status.devices.includes(device)) continue;
      const why = status.gpu?.unavailable === undefined ? '' : `: ${status.gpu.unavailable}`;
      throw new InfernodeError(
        'INF_DEVICE_UNAVAILABLE',
        `There is no device ${device}; the torch backend has ${status.devices.join(', ')}${why}`,
        { details: { expected: status.devices.join(', '), given: device } },
      );
    }
    return this.open(working);
  }

  private search(): Promise<{ status: BackendStatus; working: Working | null }> {
    this.probing ??= search(this.libtorch);
    return this.probing;
  }

  private open(working: Working): Opened {
    if (this.opened === undefined) {
      const calls = nativeCalls(working.files.core);
      try {
        const handle = calls.addon.openBackend(working.files.torch, librariesOf(working.lib));
        this.opened = { calls, handle };
      } catch (error) {
        throw new InfernodeError('INF_BACKEND_UNAVAILABLE', `The torch backend did not open: ${messageOf(error)}`, {
          cause: error,
        });
      }
    }
    return this.opened;
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

let shared: NativeCalls | undefined;

/** One per thread: an add-on can be initialized once in an environment. */
function nativeCalls(core: string): NativeCalls {
  shared ??= new NativeCalls(core);
  return shared;
}

async function search(option: string | undefined): Promise<{ status: BackendStatus; working: Working | null }> {
  const { files, attempts } = findAddon();
  if (files === null) return { status: unavailable(attempts, attempts.at(-1)!.reason), working: null };
  if (files.torch === null) {
    const reason = 'the add-on was built without libtorch: run "npm run libtorch", then "npm run build"';
    attempts.push({ what: 'torch backend library', path: null, ok: false, reason });
    return { status: unavailable(attempts, reason), working: null };
  }
  const { torch } = files;
  for await (const place of findLibtorch(option)) {
    const working = await tryPlace({ ...files, torch }, place, attempts);
    if (working !== null) return { status: available(attempts, working.description, place), working };
  }
  return { status: unavailable(attempts, whyNone(attempts)), working: null };
}

/** The libtorch that is there and does not work; else the one that was named and is not there; else what to do. */
function whyNone(attempts: readonly Attempt[]): string {
  const tried = attempts.filter(({ what }) => what.startsWith('libtorch'));
  const broken = tried.find(({ reason }) => reason.includes('does not work'));
  if (broken !== undefined) return broken.reason;
  const [only] = tried;
  if (tried.length === 1) return `${only!.path} (${only!.what}): ${only!.reason}`;
  return 'no libtorch found: run "npm run libtorch", or set INFERNODE_LIBTORCH to its folder';
}

async function tryPlace(files: Working['files'], place: LibtorchPlace, attempts: Attempt[]): Promise<Working | null> {
  const what = `libtorch (${place.source})`;
  if (place.lib === null) {
    attempts.push({ what, path: place.path, ok: false, reason: place.reason });
    return null;
  }
  const result = await probeNative(files.core, files.torch, librariesOf(place.lib));
  if (!result.ok) {
    attempts.push({ what, path: place.lib, ok: false, reason: `${place.reason} does not work: ${result.reason}` });
    return null;
  }
  attempts.push({ what, path: place.lib, ok: true, reason: place.reason });
  return { files, lib: place.lib, description: result.description };
}

function available(attempts: Attempt[], description: BackendDescription, place: LibtorchPlace): BackendStatus {
  return {
    name: 'torch',
    available: true,
    reason: `libtorch ${description.runtimeVersion} from ${place.lib}`,
    version: place.version ?? description.runtimeVersion,
    devices: description.devices.split(','),
    formats: FORMATS,
    attempts,
    gpu: describeGpus((JSON.parse(description.details) as { cuda: GpuFacts }).cuda),
  };
}

function unavailable(attempts: Attempt[], reason: string): BackendStatus {
  return { name: 'torch', available: false, reason, version: null, devices: [], formats: FORMATS, attempts };
}

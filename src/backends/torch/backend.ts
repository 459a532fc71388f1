import { InfernodeError, messageOf } from '../../errors.js';
import type { Attempt, Backend, BackendStatus, ModelFormat, ModelInfo, Session, SessionOptions } from '../backend.js';
import type { BackendDescription, BackendHandle, SessionHandle } from '../native/addon.js';
import { type AddonFiles, findAddon } from '../native/find-addon.js';
import { probeNative } from '../native/probe.js';
import { checkInstructionSet, readAotiPackage } from './aoti-package.js';
import { findLibtorch, type LibtorchPlace, librariesOf } from './find-libtorch.js';
import { fromNative, NativeCalls } from './native-calls.js';
import { TorchSession } from './session.js';

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
    const { status, working } = await this.search();
    if (working === null)
      throw new InfernodeError('INF_BACKEND_UNAVAILABLE', `The torch backend is unavailable: ${status.reason}`);
    if (!status.devices.includes(options.device)) {
      throw new InfernodeError(
        'INF_DEVICE_UNAVAILABLE',
        `There is no device ${options.device}; the torch backend has ${status.devices.join(', ')}`,
        {
          details: { expected: status.devices.join(', '), given: options.device },
        },
      );
    }
    if (format === 'aotinductor') await checkInstructionSet(path);
    const { calls, handle } = this.open(working);
    return loadSession(calls, handle, path, format, options);
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
  };
}

function unavailable(attempts: Attempt[], reason: string): BackendStatus {
  return { name: 'torch', available: false, reason, version: null, devices: [], formats: FORMATS, attempts };
}

/** What the native description of a TorchScript model holds. */
type TorchScriptDescription = Pick<ModelInfo, 'methods' | 'stateful' | 'ops' | 'parameters' | 'metadata' | 'device'>;

interface AotiDescription {
  readonly inputSpec: string;
  readonly outputSpec: string;
  readonly device: string;
  readonly parameters: ModelInfo['parameters'];
  readonly metadata: Record<string, string>;
}

async function loadSession(
  calls: NativeCalls,
  handle: BackendHandle,
  path: string,
  format: ModelFormat,
  options: SessionOptions,
): Promise<Session> {
  let session!: SessionHandle;
  let text: string;
  try {
    const { done } = calls.start<string>((ticket) => {
      session = calls.addon.load(handle, path, format, options.device, options.threads, ticket);
    });
    text = await done;
  } catch (error) {
    throw fromNative(error, `${path} cannot be loaded`);
  }
  const common = { format, backend: 'torch', threads: options.threads } as const;
  if (format === 'torchscript') {
    const description = JSON.parse(text) as TorchScriptDescription;
    return new TorchSession(calls, session, { ...common, ...description, signatureSource: 'derived' }, undefined);
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

import { type BatchingConfig, batching as checkBatching } from '../config/batching.js';
import { invalidOption, unknownOption, wrongOption } from '../config/option-errors.js';
import { nameProblem, quoteName } from '../models/repository/model-name.js';
import { ByteBudget } from './batching/byte-budget.js';
import type { QueueDefaults } from './load.js';
import { type FilledLoadOptions, fillLoadOptions, LOAD_OPTION_NAMES, type LoadOptions } from './load-options.js';
import type { ModelObserver } from './observer.js';

/** Who decides which models of the repository are loaded: nobody after the start, requests, or the folder itself. */
export type ControlMode = 'none' | 'explicit' | 'poll';

/** Which models to serve, and how. */
export interface EngineOptions extends Omit<LoadOptions, 'signal' | 'batching' | 'warmup'> {
  /** A folder of models: `<name>/<version>/model.*`, `<name>/model.*` or `<name>.*`. */
  readonly repository?: string;
  /** Models by name, besides those of the repository, before which they come: paths of files or model folders. */
  readonly models?: Readonly<Record<string, string>>;
  /**
   * `none`, the default, loads every model at the start. `explicit` loads `startup` only, the others by `loadModel`. `poll`
   * follows the folder.
   */
  readonly mode?: ControlMode;
  /** The models to load at the start in mode `explicit`; `*` stands for all. */
  readonly startup?: readonly string[];
  /** Milliseconds between two looks at the folder in mode `poll`; 2000 by default. */
  readonly pollMs?: number;
  /** How requests are put together in models whose model.json does not say otherwise. */
  readonly batching?: BatchingConfig;
  /** Runs on made-up inputs before a model serves whose model.json does not say otherwise; 1 by default. */
  readonly warmup?: number;
  /** Bytes of the tensors of requests that wait or run, of all models together; 1 GiB by default. The next is refused. */
  readonly maxQueueBytes?: number;
  /** Is told what each version of a model does. */
  readonly observe?: (name: string, version: number) => ModelObserver;
}

/** The same with every choice made. */
export interface FilledEngineOptions {
  readonly repository: string | undefined;
  readonly models: Readonly<Record<string, string>>;
  readonly mode: ControlMode;
  readonly startup: readonly string[];
  readonly pollMs: number;
  readonly queue: QueueDefaults;
  readonly observe: EngineOptions['observe'];
  /** What `load` is given. */
  readonly load: FilledLoadOptions;
}

const MODES: readonly ControlMode[] = ['none', 'explicit', 'poll'];
const OWN = ['repository', 'models', 'mode', 'startup', 'pollMs', 'maxQueueBytes', 'observe'];
const KNOWN = [...OWN, ...LOAD_OPTION_NAMES.filter((name) => name !== 'signal')];
const SHORTEST_POLL_MS = 10;
/** The most requests that wait for a model that does not say otherwise: enough for a burst, few enough to fail early. */
const MAX_QUEUE = 256;
const MAX_QUEUE_BYTES = 2 ** 30;
/** What a timer can hold. */
const LONGEST_POLL_MS = 2 ** 31 - 1;

/** Checks options and fills the defaults in. @throws InfernodeError INF_OPTION_INVALID */
export function fillEngineOptions(options: EngineOptions): FilledEngineOptions {
  const mistake = unknownOption(options, KNOWN);
  if (mistake !== undefined) throw mistake;
  const { repository, models, mode = 'none', startup = [], pollMs = 2000, observe, ...rest } = options;
  const { batching = {}, warmup = 1, maxQueueBytes = MAX_QUEUE_BYTES, ...load } = rest;
  if (repository === undefined && models === undefined)
    throw invalidOption('An engine takes a repository, models, or both');
  if (repository !== undefined && (typeof repository !== 'string' || repository === '')) {
    throw wrongOption('repository', 'the path of a folder', repository);
  }
  if (models !== undefined) checkModels(models);
  if (!MODES.includes(mode)) throw wrongOption('mode', MODES.join(', '), mode);
  checkStartup(startup, options);
  if (!Number.isInteger(pollMs) || pollMs < SHORTEST_POLL_MS || pollMs > LONGEST_POLL_MS) {
    throw wrongOption('pollMs', `an integer from ${SHORTEST_POLL_MS} to ${LONGEST_POLL_MS}`, pollMs);
  }
  if (options.pollMs !== undefined && mode !== 'poll') throw invalidOption('Option pollMs is for mode poll');
  if (observe !== undefined && typeof observe !== 'function') throw wrongOption('observe', 'a function', observe);
  if (!Number.isSafeInteger(maxQueueBytes) || maxQueueBytes < 1)
    throw wrongOption('maxQueueBytes', 'an integer from 1', maxQueueBytes);
  // These two are defaults here, not what overrides model.json.
  const filled: FilledLoadOptions = { ...fillLoadOptions({ ...load, warmup }), warmup: undefined };
  const queue: QueueDefaults = {
    batching: checkBatching(batching, { file: 'Options', path: 'batching', code: 'INF_OPTION_INVALID' }),
    warmup,
    maxQueue: MAX_QUEUE,
    budget: new ByteBudget(maxQueueBytes),
  };
  return { repository, models: models ?? {}, mode, startup, pollMs, queue, observe, load: filled };
}

function checkModels(models: Readonly<Record<string, string>>): void {
  if (typeof models !== 'object' || models === null) throw wrongOption('models', 'an object of paths by name', models);
  for (const [name, path] of Object.entries(models)) {
    const problem = nameProblem(name);
    if (problem !== undefined) throw invalidOption(`Option models: the name ${quoteName(name)} ${problem}`);
    if (typeof path !== 'string' || path === '') throw wrongOption(`models.${name}`, 'a path', path);
  }
}

function checkStartup(startup: readonly string[], { mode, startup: given }: EngineOptions): void {
  if (!Array.isArray(startup) || startup.some((name) => typeof name !== 'string')) {
    throw wrongOption('startup', 'a list of names', startup);
  }
  if (given !== undefined && mode !== 'explicit') throw invalidOption('Option startup is for mode explicit');
  for (const name of startup) {
    const problem = nameProblem(name);
    if (problem !== undefined) throw invalidOption(`Option startup: the name ${quoteName(name)} ${problem}`);
  }
}

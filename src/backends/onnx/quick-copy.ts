import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isMainThread } from 'node:worker_threads';
import type { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import { Tensor } from '../../tensor/tensor.js';
import type { ModelInfo, OnComputed, Outputs, Signature } from '../backend.js';
import { checkInputs } from './calls-in-flight.js';
import { LONG_MS, QuickCalls } from './quick-calls.js';
import { fromRuntime, toRuntime } from './runtime-tensor.js';

/** So many calls after a long one are looked at more closely. */
const CLOSER_CALLS = 1024;

/** Larger models are not quick, and would be in memory twice for nothing. */
const MOST_BYTES = 4 * 2 ** 20;

/**
 * A second copy of a small model, in the thread of its callers: to hand a call of some microseconds to a worker takes longer than
 * the call. It is loaded once calls turn out to be so quick, which blocks the thread for some milliseconds. In the main thread
 * only, for the runtime aborts the process when a thread is ended while it works.
 */
export class QuickCopy {
  readonly #path: string;
  readonly #signature: Signature;
  readonly #threads: number;
  /** What the file was when the worker read it. */
  readonly #before: FileState;
  readonly #calls = new QuickCalls();
  #opening: Promise<void> | undefined;
  #session: InferenceSession | undefined;
  #isStopped = false;
  /** For so many calls it is measured what they compute, which takes as long as a quick one. */
  #closerCalls = 0;
  /** When the runtime began with the latest call, and what all threads of the process had computed by then, if that is measured. */
  #begunMs = 0;
  #processor: NodeJS.CpuUsage | null = null;

  /**
   * @param before what the file was before the worker read it
   * @returns null for a model that cannot have such a copy
   */
  static async of(path: string, info: ModelInfo, before: FileState | null): Promise<QuickCopy | null> {
    const { bytes } = info.parameters;
    if (!isMainThread || before === null || !isSame(before, await stateOf(path))) return null;
    // What has its weights in other files is left alone too, for those may change by themselves.
    return bytes > MOST_BYTES || bytes > before.size ? null : new QuickCopy(path, info, before);
  }

  /**
   * Imports what a copy is loaded by, which takes some 30 ms: as late as while a worker loads the model, so that whoever imports
   * the SDK need not wait for it, and not as late as when the copy is wanted, for then there are requests.
   */
  static prepare(file: FileState | null): void {
    if (!isMainThread || file === null || file.size > 2 * MOST_BYTES) return;
    importLoader().catch(() => {
      // Whoever wants it will hear of it.
    });
  }

  private constructor(path: string, info: ModelInfo, before: FileState) {
    this.#path = path;
    this.#signature = info.methods.forward!;
    this.#threads = info.threads;
    this.#before = before;
  }

  /** Learns from a call that a worker ran while it had no other, which took so long from call to answer, and so long there. */
  took(inputs: readonly Tensor[], ms: number, ownMs: number): void {
    this.#calls.tookByWorker(inputs, ms, ownMs);
  }

  /**
   * Whether a call is for {@link run}, beside so many others there. The first of that kind begins to load the copy.
   */
  takes(inputs: readonly Tensor[], others: number): boolean {
    if (this.#isStopped || !this.#calls.expects(inputs, others)) return false;
    this.#opening ??= this.#open();
    return this.#session !== undefined;
  }

  /**
   * Runs a call in the next turn of the event loop.
   * @throws whatever is wrong with it, at once or later; a worker explains it
   */
  run(inputs: readonly Tensor[], onComputed?: OnComputed): Promise<Outputs> {
    checkInputs(inputs);
    const feeds: Record<string, RuntimeTensor> = {};
    const taken = this.#signature.inputs;
    for (let index = 0; index < taken.length; index++) {
      feeds[taken[index]!.name] = toRuntime(unshared(inputs[index]!));
    }
    // Runs right before the runtime does, which waits for the same turn; no other call begins before this one is answered.
    setImmediate(this.#begin);
    return this.#session!.run(feeds).then((results) => this.#answer(inputs, results, onComputed));
  }

  readonly #begin = (): void => {
    this.#processor = this.#closerCalls > 0 ? process.cpuUsage() : null;
    this.#begunMs = performance.now();
  };

  #answer(inputs: readonly Tensor[], results: InferenceSession.ReturnType, onComputed?: OnComputed): Outputs {
    const elapsedMs = performance.now() - this.#begunMs;
    onComputed?.(elapsedMs);
    this.#learn(inputs, elapsedMs);
    const outputs: Outputs = {};
    for (const { name } of this.#signature.outputs) {
      const { dtype, shape, data } = fromRuntime(results[name] as RuntimeTensor);
      outputs[name] = Tensor.trusted(dtype, data, Object.freeze(shape));
    }
    return outputs;
  }

  /** On a busy machine, others compute in most of the time of a long call: that is none of the model's. */
  #learn(inputs: readonly Tensor[], elapsedMs: number): void {
    const processor = this.#processor;
    if (processor === null) {
      if (elapsedMs <= LONG_MS) this.#calls.tookHere(inputs, elapsedMs);
      // The next one will tell.
      else this.#closerCalls = CLOSER_CALLS;
      return;
    }
    this.#closerCalls--;
    const { user, system } = process.cpuUsage(processor);
    this.#calls.tookHere(inputs, Math.min(elapsedMs, (user + system) / 1000));
  }

  /** Takes no more calls: a worker may have read another file meanwhile. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Frees it; to be called when no call is in flight. */
  async close(): Promise<void> {
    this.stop();
    await this.#opening;
    await this.#session?.release();
    this.#session = undefined;
  }

  /** Never rejects: without a copy, workers do as well. */
  async #open(): Promise<void> {
    try {
      const { loadModel } = await importLoader();
      const { session } = await loadModel(this.#path, this.#threads);
      if (isSame(this.#before, await stateOf(this.#path))) this.#session = session;
      else await session.release();
    } catch {
      this.stop();
    }
  }
}

function importLoader() {
  return import('./load-model.js');
}

/** What changes when a file does. */
export type FileState = Pick<Stats, 'ino' | 'size' | 'mtimeMs'>;

/** Null for no file. */
export async function stateOf(path: string): Promise<FileState | null> {
  return stat(path).catch(() => null);
}

function isSame(one: FileState, other: FileState | null): boolean {
  return one.ino === other?.ino && one.size === other.size && one.mtimeMs === other.mtimeMs;
}

/** The runtime refuses shared memory. */
function unshared(tensor: Tensor): Pick<Tensor, 'dtype' | 'shape' | 'data'> {
  const { dtype, shape, data } = tensor;
  const isShared = !Array.isArray(data) && data.buffer instanceof SharedArrayBuffer;
  return isShared ? { dtype, shape, data: data.slice() } : tensor;
}

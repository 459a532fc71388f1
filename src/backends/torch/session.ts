import { abortError, InfernodeError } from '../../errors.js';
import { type DataOf, type DType, dtypeOfCode } from '../../tensor/dtype.js';
import { Tensor } from '../../tensor/tensor.js';
import { AbortWatch } from '../abort-watch.js';
import type {
  GraphState,
  Inputs,
  InputValue,
  ModelInfo,
  OnComputed,
  Outputs,
  Session,
  Signature,
  ValueInfo,
} from '../backend.js';
import { bindInputs, explainMismatch } from '../bind-inputs.js';
import { explainRun } from '../failed-run.js';
import { formatShape } from '../input-errors.js';
import { unknownMethod } from '../methods.js';
import type { FlatOutputs, SessionHandle } from '../native/addon.js';
import { CallEncoder, type ScalarKind } from './encode.js';
import { fromNative, type NativeCalls } from './native-calls.js';

interface AbortableCall {
  readonly ticket: number;
  readonly reject: (error: InfernodeError) => void;
}

interface Method {
  readonly name: string;
  readonly index: number;
  readonly signature: Signature;
  readonly kinds: readonly ScalarKind[];
  /** Whether a call has succeeded. */
  hasAnswered: boolean;
}

/** Models that were dropped without `close` give their memory back when they are collected; V8 must hear of that as well. */
const collected = new FinalizationRegistry<{ calls: NativeCalls; bytes: number }>(({ calls, bytes }) => {
  calls.addon.adjustMemory(-bytes);
});

/** A model in the torch backend. */
export class TorchSession implements Session {
  private readonly methods = new Map<string, Method>();
  private readonly aborts = new AbortWatch<AbortableCall>((call, signal) => this.abort(call, signal));
  private closing: Promise<void> | undefined;
  /** Calls that native code has. */
  private inFlight = 0;
  private onDrained: (() => void) | undefined;

  /** @param outputNames names of the outputs where native code only numbers them (AOTInductor) */
  constructor(
    private readonly calls: NativeCalls,
    private readonly handle: SessionHandle,
    readonly info: ModelInfo,
    private readonly outputNames: readonly string[] | undefined,
  ) {
    Object.entries(info.methods).forEach(([name, signature], index) => {
      this.methods.set(name, { name, index, signature, kinds: signature.inputs.map(scalarKind), hasAnswered: false });
    });
    calls.addon.adjustMemory(info.parameters.bytes);
    collected.register(this, { calls, bytes: info.parameters.bytes }, this);
  }

  async run(name: string, inputs: Inputs, signal?: AbortSignal, onComputed?: OnComputed): Promise<Outputs> {
    const method = this.methodOf(name);
    if (signal?.aborted) throw abortError(signal, `The call of ${name}`);
    const args = bindInputs(method.signature, inputs, this.info.signatureSource === 'declared');
    const { length, values } = this.encode(method, args);
    const { addon } = this.calls;
    const { ticket, done } = this.calls.start<FlatOutputs>((ticket) => {
      if (addon.run(this.handle, method.index, length, values, ticket)) this.calls.deliverSoon();
    }, values);
    this.inFlight++;
    done.then(this.onSettled, this.onSettled);
    try {
      const outputs = await (signal === undefined ? done : this.abortable(done, ticket, signal));
      onComputed?.(outputs.at(-1) as number);
      return this.unpack(method, outputs);
    } catch (error) {
      throw error instanceof InfernodeError ? error : this.explain(method, args, error);
    }
  }

  runSync(name: string, inputs: Inputs): Outputs {
    const method = this.methodOf(name);
    const args = bindInputs(method.signature, inputs, this.info.signatureSource === 'declared');
    const { length, values } = this.encode(method, args);
    try {
      return this.unpack(method, this.calls.addon.runSync(this.handle, method.index, length, values));
    } catch (error) {
      throw this.explain(method, args, error);
    }
  }

  graphs(): GraphState | null {
    const { graphs = null } = JSON.parse(this.calls.addon.state(this.handle)) as { graphs?: GraphState };
    return graphs;
  }

  close(): Promise<void> {
    this.closing ??= this.unload();
    return this.closing;
  }

  private async unload(): Promise<void> {
    collected.unregister(this);
    if (this.inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.onDrained = resolve;
      });
    }
    await this.calls.start<void>((ticket) => this.calls.addon.unload(this.handle, ticket)).done;
    this.calls.addon.adjustMemory(-this.info.parameters.bytes);
  }

  private readonly onSettled = (): void => {
    if (--this.inFlight === 0) this.onDrained?.();
  };

  private methodOf(name: string): Method {
    if (this.closing !== undefined) throw new InfernodeError('INF_MODEL_CLOSED', 'The model has been closed');
    const method = this.methods.get(name);
    if (method === undefined) throw unknownMethod(name, [...this.methods.keys()]);
    return method;
  }

  private encode(method: Method, args: readonly InputValue[]): CallEncoder {
    return new CallEncoder(this.calls.numbers, this.calls.grow).encode(args, method.kinds);
  }

  /** Rejects at once when the signal fires. A call that is already running ends in its own time, its result unused. */
  private abortable(done: Promise<FlatOutputs>, ticket: number, signal: AbortSignal): Promise<FlatOutputs> {
    return new Promise((resolve, reject) => {
      const call = { ticket, reject };
      this.aborts.add(signal, call);
      done.then(resolve, reject).finally(() => this.aborts.remove(signal, call));
    });
  }

  private abort({ ticket, reject }: AbortableCall, signal: AbortSignal): void {
    if (this.calls.addon.cancel(this.handle, ticket)) {
      this.calls.forget(ticket);
      this.onSettled();
    }
    reject(abortError(signal, 'The call'));
  }

  private unpack(method: Method, flat: FlatOutputs): Outputs {
    method.hasAnswered = true;
    const outputs: [string, Tensor][] = [];
    for (let i = 0; i + 3 < flat.length; i += 4) {
      const name = this.outputNames?.[i / 4] ?? (flat[i] as string);
      const dtype = dtypeOfCode(flat[i + 1] as number);
      outputs.push([name, Tensor.trusted(dtype, flat[i + 3] as DataOf<DType>, flat[i + 2] as number[])]);
    }
    // fromEntries makes an own property of every name that a dict of the model may have, `__proto__` too.
    return Object.fromEntries(outputs);
  }

  private explain(method: Method, args: readonly InputValue[], error: unknown): InfernodeError {
    const given = method.signature.inputs
      .map((info, index) => [info, args[index]] as const)
      .filter(([, value]) => value instanceof Tensor)
      .map(([info, value]) => `${info.name} ${(value as Tensor).dtype} ${formatShape((value as Tensor).shape)}`);
    const failure = fromNative(error, `The model failed in ${method.name}(${given.join(', ')})`);
    if (failure.code !== 'INF_MODEL_FAILED') return failure;
    const mismatch = explainMismatch(method.signature, args);
    if (mismatch === undefined) {
      return explainRun({ failure, signature: method.signature, values: args, hasAnswered: method.hasAnswered });
    }
    return new InfernodeError(mismatch.code, mismatch.message, { cause: failure.cause, details: mismatch.details });
  }
}

function scalarKind(info: ValueInfo): ScalarKind {
  return { float: info.kind === 'float', tuple: info.kind === 'tuple', items: (info.items ?? []).map(scalarKind) };
}

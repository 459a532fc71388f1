import type { InferenceSession, Tensor as RuntimeTensor } from 'onnxruntime-node';
import type { TensorData } from '../../tensor/dtype.js';
import type { Signature } from '../backend.js';
import { beginWork, endWork } from './exit-guard.js';
import type { LoadedModel } from './load-model.js';
import { FAILED, SUCCEEDED } from './protocol.js';
import { runError } from './runtime-error.js';
import { fromRuntime, toRuntime } from './runtime-tensor.js';
import { type Packet, PacketReader, PacketWriter } from './wire.js';
import { toWireError } from './wire-error.js';

/** Finished calls wait this long for others to share their message. */
const REPLY_AFTER_MS = 0.5;

/** Sends one packet of replies; `millisecondsPerCall` is the time between two of them. */
export type SendReplies = (packet: Packet, transfer: ArrayBuffer[], millisecondsPerCall: number) => void;

/** Runs packets of calls on a loaded model, in the worker. */
export class ModelRunner {
  readonly #session: InferenceSession;
  readonly #signature: Signature;
  readonly #shared: Int32Array;
  readonly #send: SendReplies;
  readonly #replies = new PacketWriter();
  readonly #syncReply = new PacketWriter();
  #pending = 0;
  #finished = 0;
  #since = 0;

  constructor({ session, info }: LoadedModel, shared: Int32Array, send: SendReplies) {
    this.#session = session;
    this.#signature = info.methods.forward!;
    this.#shared = shared;
    this.#send = send;
  }

  /** Whether no call waits or runs. */
  get idle(): boolean {
    return this.#pending === 0;
  }

  /** Starts every call of a packet; each waits its turn inside the runtime. */
  run(packet: Packet): void {
    const reader = new PacketReader(packet, false);
    if (this.#pending === 0) this.#since = performance.now();
    while (!reader.done) {
      this.#pending++;
      void this.#call(reader, this.#replies).then(() => this.#onFinished());
    }
  }

  /** Runs the one call of a packet. */
  async runSync(packet: Packet): Promise<ReturnType<PacketWriter['finish']>> {
    await this.#call(new PacketReader(packet, false), this.#syncReply);
    return this.#syncReply.finish();
  }

  async #call(reader: PacketReader, writer: PacketWriter): Promise<void> {
    const id = reader.number();
    const feeds: Record<string, RuntimeTensor> = {};
    for (const { name } of this.#signature.inputs) feeds[name] = toRuntime(reader.tensor());
    // Nobody is left to hear of a call that begins while the process ends.
    if (!beginWork(this.#shared)) return new Promise(() => {});
    try {
      const results = await this.#session.run(feeds);
      this.#writeOutputs(id, results, writer);
    } catch (error) {
      writer.number(id);
      writer.number(FAILED);
      writer.error(toWireError(runError(error)));
    } finally {
      endWork(this.#shared);
      for (const { data } of Object.values(feeds)) writer.spend(data as TensorData);
    }
  }

  #writeOutputs(id: number, results: InferenceSession.ReturnType, writer: PacketWriter): void {
    writer.begin();
    try {
      writer.number(id);
      writer.number(SUCCEEDED);
      for (const { name } of this.#signature.outputs) {
        const { dtype, shape, data } = fromRuntime(results[name] as RuntimeTensor);
        writer.tensor(dtype, shape, data, true);
      }
    } catch (error) {
      writer.undo();
      throw error;
    }
  }

  #onFinished(): void {
    this.#pending--;
    this.#finished++;
    const now = performance.now();
    if (this.#pending > 0 && now - this.#since < REPLY_AFTER_MS) return;
    const { packet, transfer } = this.#replies.finish();
    this.#send(packet, transfer, (now - this.#since) / this.#finished);
    this.#finished = 0;
    this.#since = now;
  }
}

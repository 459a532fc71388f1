import { InfernodeError, messageOf } from '../../errors.js';
import { checkTensor, isWhole, Tensor } from '../../tensor/tensor.js';
import type { Outputs } from '../backend.js';
import { Tickets } from '../tickets.js';
import { inputBuffers } from './input-buffers.js';
import { SUCCEEDED } from './protocol.js';
import { type Packet, PacketReader, PacketWriter } from './wire.js';
import { fromWireError } from './wire-error.js';

/** A call on its way. */
export interface Call {
  /** One for each input of the model. */
  readonly inputs: readonly Tensor[];
  /** Whether the buffers of the inputs may be taken away: nobody else has them. */
  readonly owned: boolean;
  /** @param milliseconds that the worker took for it */
  readonly resolve: (outputs: Outputs, milliseconds: number) => void;
  readonly reject: (error: InfernodeError) => void;
}

/** The calls that a worker has for one model: packs them, and settles them by its replies. */
export class CallsInFlight {
  /** What the model gives; known at the latest when it is loaded. */
  outputs: readonly { readonly name: string }[];
  readonly #writer = new PacketWriter(inputBuffers);
  readonly #calls = new Tickets<{ readonly call: Call; readonly packet: { left: number } }>();
  #packets = 0;

  constructor(outputs: readonly { readonly name: string }[]) {
    this.outputs = outputs;
  }

  /** Calls packed and not yet settled. */
  get size(): number {
    return this.#calls.size;
  }

  /** Packets that hold a call not yet settled. */
  get packets(): number {
    return this.#packets;
  }

  /** Packs calls; undefined if there is none to send. A call whose data cannot be sent is rejected. */
  pack(calls: Iterable<Call>): ReturnType<PacketWriter['finish']> | undefined {
    const packet = { left: 0 };
    for (const call of calls) {
      const id = this.#calls.give({ call, packet });
      try {
        this.#write(id, call.inputs, call.owned);
        packet.left++;
      } catch (error) {
        this.#calls.take(id);
        call.reject(error as InfernodeError);
      }
    }
    if (packet.left === 0) return undefined;
    this.#packets++;
    return this.#writer.finish();
  }

  /**
   * Packs the inputs of a blocking call, which is not counted here.
   * @throws InfernodeError INF_TENSOR_DETACHED, INF_OUT_OF_MEMORY
   */
  packOne(inputs: readonly Tensor[]): ReturnType<PacketWriter['finish']> {
    this.#write(0, inputs, false);
    return this.#writer.finish();
  }

  /** Settles calls by a packet of replies, of which each took so long on average. */
  settle(replies: Packet, millisecondsPerCall: number): void {
    reuse(replies);
    const reader = new PacketReader(replies, true);
    while (!reader.done) {
      const { call, packet } = this.#calls.take(reader.number())!;
      if (--packet.left === 0) this.#packets--;
      if (reader.number() === SUCCEEDED) call.resolve(this.#readOutputs(reader), millisecondsPerCall);
      else call.reject(fromWireError(reader.error()));
    }
  }

  /**
   * The outputs in the answer of a blocking call.
   * @throws InfernodeError what the call failed with
   */
  readAnswer(answer: Packet): Outputs {
    reuse(answer);
    const reader = new PacketReader(answer, true);
    reader.number();
    if (reader.number() === SUCCEEDED) return this.#readOutputs(reader);
    throw fromWireError(reader.error());
  }

  /** Fails every call that is not settled. */
  fail(error: InfernodeError): void {
    for (const { call } of this.#calls.takeAll()) call.reject(error);
  }

  #write(id: number, inputs: readonly Tensor[], owned: boolean): void {
    checkInputs(inputs);
    this.#writer.begin();
    try {
      this.#writer.number(id);
      for (const { dtype, shape, data } of inputs) this.#writer.tensor(dtype, shape, data, owned);
    } catch (cause) {
      this.#writer.undo();
      const message = `The inputs cannot be copied for the worker thread: ${messageOf(cause)}`;
      throw new InfernodeError('INF_OUT_OF_MEMORY', message, { cause });
    }
  }

  #readOutputs(reader: PacketReader): Outputs {
    const outputs: Outputs = {};
    for (const { name } of this.outputs) {
      const { dtype, shape, data } = reader.tensor();
      outputs[name] = Tensor.trusted(dtype, data, Object.freeze(shape));
    }
    return outputs;
  }
}

function reuse({ spent = [] }: Packet): void {
  for (const buffer of spent) inputBuffers.give(buffer);
}

/**
 * The caller may have transferred a buffer since the call was made.
 * @throws InfernodeError INF_TENSOR_DETACHED
 */
export function checkInputs(inputs: readonly Tensor[]): void {
  for (const tensor of inputs) if (!isWhole(tensor)) checkTensor(tensor.dtype, tensor.data, tensor.shape);
}

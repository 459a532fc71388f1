import type { ErrorCode, ErrorDetails } from '../../errors.js';
import type { BufferPool } from '../../tensor/buffer-pool.js';
import { DTYPES, type DType, dtypeOfCode, type TensorData } from '../../tensor/dtype.js';

/**
 * Tensors of many calls, packed into few objects: a structured clone costs by the object, not by the byte. Small tensors
 * share one buffer; each larger one has its own, which moves to the other thread without a copy.
 */
export interface Packet {
  /** Call ids and tensor headers, in the order they were written. */
  readonly numbers: Float64Array;
  readonly small: ArrayBuffer;
  readonly large: readonly (ArrayBuffer | SharedView | string[] | WireError)[];
  /** Buffers that came with calls and are done with: they go back, to be filled again. Left out if there are none. */
  readonly spent?: readonly ArrayBuffer[];
}

/** A view of memory that both threads see. */
export type SharedView = Uint8Array<SharedArrayBuffer>;

/** An InfernodeError as it crosses threads, where only plain Errors keep their class. */
export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
  readonly cause: unknown;
}

/** Tensors up to this size are copied into the shared buffer; above, a buffer of their own is cheaper. */
const SMALL_BYTES = 16 * 1024;

/** Buffers from this size on are used again: the system takes longer to provide their pages than copying takes. */
const REUSED_BYTES = 64 * 1024;

/** Every element type is at home at a multiple of it. */
const ALIGNMENT = 16;

const SMALL = 0;
const LARGE = 1;

/** Writes a {@link Packet}; one per thread and direction, for its scratch memory is kept. */
export class PacketWriter {
  #numbers: number[] = [];
  #large: Packet['large'][number][] = [];
  #transfer: ArrayBuffer[] = [];
  #spent: ArrayBuffer[] = [];
  #scratch = new Uint8Array(SMALL_BYTES);
  #used = 0;
  #begun = { numbers: 0, large: 0, transfer: 0, used: 0 };

  /** @param pool where buffers for copies come from; new ones without it */
  constructor(private readonly pool?: BufferPool) {}

  /** Begins an entry that {@link undo} can take back. */
  begin(): void {
    const begun = this.#begun;
    begun.numbers = this.#numbers.length;
    begun.large = this.#large.length;
    begun.transfer = this.#transfer.length;
    begun.used = this.#used;
  }

  /** Takes back what was written since {@link begin}: half an entry would spoil those that follow. */
  undo(): void {
    this.#numbers.length = this.#begun.numbers;
    this.#large.length = this.#begun.large;
    this.#transfer.length = this.#begun.transfer;
    this.#used = this.#begun.used;
  }

  number(value: number): void {
    this.#numbers.push(value);
  }

  error(error: WireError): void {
    this.#numbers.push(this.#large.push(error) - 1);
  }

  /** Gives the memory of what was read back to the other thread. */
  spend(data: TensorData): void {
    if (Array.isArray(data) || data.byteLength < REUSED_BYTES) return;
    this.#spent.push(data.buffer as ArrayBuffer);
  }

  /**
   * @param owned whether the tensor's buffer may be taken away from its owner
   */
  tensor(dtype: DType, shape: readonly number[], data: TensorData, owned: boolean): void {
    const numbers = this.#numbers;
    numbers.push(DTYPES[dtype].code, shape.length);
    for (const dim of shape) numbers.push(dim);
    if (Array.isArray(data)) {
      numbers.push(LARGE, this.#large.push(data) - 1);
    } else if (data.byteLength <= SMALL_BYTES) {
      numbers.push(SMALL, this.#place(data));
    } else {
      numbers.push(LARGE, this.#large.push(this.#ownBuffer(data, owned)) - 1);
    }
  }

  /** The packet, and the buffers that must be named as transferred when it is posted. Starts the next packet. */
  finish(): { packet: Packet; transfer: ArrayBuffer[] } {
    const numbers = Float64Array.from(this.#numbers);
    const small = this.#scratch.buffer.slice(0, this.#used);
    const spent = this.#spent;
    const packet: Packet = { numbers, small, large: this.#large, ...(spent.length > 0 && { spent }) };
    const result = { packet, transfer: spent.length > 0 ? [...this.#transfer, ...spent] : this.#transfer };
    this.#numbers = [];
    this.#large = [];
    this.#transfer = [];
    this.#spent = [];
    this.#used = 0;
    return result;
  }

  #place(data: ArrayBufferView): number {
    const offset = this.#used;
    this.#used = Math.ceil((offset + data.byteLength) / ALIGNMENT) * ALIGNMENT;
    if (this.#used > this.#scratch.length) {
      const grown = new Uint8Array(Math.max(this.#used, this.#scratch.length * 2));
      grown.set(this.#scratch.subarray(0, offset));
      this.#scratch = grown;
    }
    this.#scratch.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset);
    return offset;
  }

  #ownBuffer(data: ArrayBufferView, owned: boolean): ArrayBuffer | SharedView {
    const { buffer, byteOffset, byteLength } = data;
    if (buffer instanceof SharedArrayBuffer) return new Uint8Array(buffer, byteOffset, byteLength);
    // It may be longer than what is in it, as those that are used again are.
    const own =
      owned && byteOffset === 0 ? (buffer as ArrayBuffer) : this.#copy(buffer as ArrayBuffer, byteOffset, byteLength);
    this.#transfer.push(own);
    return own;
  }

  #copy(buffer: ArrayBuffer, offset: number, bytes: number): ArrayBuffer {
    if (this.pool === undefined || bytes < REUSED_BYTES) return buffer.slice(offset, offset + bytes);
    const copy = this.pool.take(bytes);
    new Uint8Array(copy).set(new Uint8Array(buffer, offset, bytes));
    return copy;
  }
}

/** A tensor read from a packet. */
export interface WireTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** Reads a {@link Packet} in the order it was written. */
export class PacketReader {
  readonly #packet: Packet;
  /** Whether small tensors get memory of their own, so that keeping one does not keep the whole packet. */
  readonly #detach: boolean;
  #next = 0;

  constructor(packet: Packet, detach: boolean) {
    this.#packet = packet;
    this.#detach = detach;
  }

  get done(): boolean {
    return this.#next >= this.#packet.numbers.length;
  }

  number(): number {
    return this.#packet.numbers[this.#next++]!;
  }

  error(): WireError {
    return this.#packet.large[this.number()] as WireError;
  }

  tensor(): WireTensor {
    const dtype = dtypeOfCode(this.number());
    const rank = this.number();
    const shape: number[] = [];
    let size = 1;
    for (let axis = 0; axis < rank; axis++) {
      const dim = this.number();
      shape.push(dim);
      size *= dim;
    }
    const kind = this.number();
    const place = this.number();
    return { dtype, shape, data: kind === SMALL ? this.#small(dtype, place, size) : this.#large(dtype, place, size) };
  }

  #small(dtype: DType, offset: number, size: number): TensorData {
    const { array } = DTYPES[dtype] as { array: Float32ArrayConstructor };
    const view = new array(this.#packet.small, offset, size);
    return this.#detach ? new array(view) : view;
  }

  #large(dtype: DType, index: number, size: number): TensorData {
    const value = this.#packet.large[index]!;
    if (Array.isArray(value)) return value;
    const { array } = DTYPES[dtype] as { array: Float32ArrayConstructor };
    // The runtime refuses shared memory, and the caller may not: this is the one copy.
    const buffer = value instanceof Uint8Array ? new Uint8Array(value).buffer : (value as ArrayBuffer);
    return new array(buffer, 0, size);
  }
}

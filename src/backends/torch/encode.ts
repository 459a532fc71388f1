import { InfernodeError } from '../../errors.js';
import { DTYPES, type TensorData } from '../../tensor/dtype.js';
import { Tensor } from '../../tensor/tensor.js';
import type { InputValue } from '../backend.js';

/** The kinds of native/include/infernode/backend.h; the layout is described in native/core/arguments.h. */
const KIND = { none: 0, tensor: 1, int: 2, float: 3, bool: 4, text: 5, list: 6, tuple: 7, dict: 8 } as const;
const TWO_32 = 2 ** 32;

/** A call's structure as numbers, and the arrays and strings that it refers to. */
export class CallEncoder {
  /** Arrays and strings in the order of the numbers. */
  readonly values: (TensorData | string)[] = [];
  length = 0;

  constructor(
    private numbers: Float64Array,
    private readonly grow: (length: number) => Float64Array,
  ) {}

  /** Writes all arguments; `kinds` says which of them are floats, since JavaScript has one kind of number. */
  encode(args: readonly InputValue[], kinds: readonly ScalarKind[]): this {
    this.write(args.length);
    for (let i = 0; i < args.length; i++) this.encodeValue(args[i], kinds[i] ?? ANY);
    return this;
  }

  private write(number: number): void {
    if (this.length === this.numbers.length) {
      const longer = this.grow(this.length * 2);
      longer.set(this.numbers);
      this.numbers = longer;
    }
    this.numbers[this.length++] = number;
  }

  private encodeValue(value: InputValue, kind: ScalarKind): void {
    if (value === undefined || value === null) this.write(KIND.none);
    else if (value instanceof Tensor) this.encodeTensor(value);
    else if (Array.isArray(value)) this.encodeSequence(value, kind);
    else if (typeof value === 'object') this.encodeDict(value as Record<string, InputValue>, kind);
    else this.encodeScalar(value, kind);
  }

  private encodeTensor(tensor: Tensor): void {
    if (tensor.dtype === 'string') {
      throw new InfernodeError(
        'INF_INPUT_DTYPE',
        'TorchScript has no string tensors; pass a string or an array of strings',
      );
    }
    this.write(KIND.tensor);
    this.write(DTYPES[tensor.dtype].code);
    this.write(tensor.shape.length);
    for (const dim of tensor.shape) this.write(dim);
    this.values.push(tensor.data);
  }

  private encodeSequence(items: readonly InputValue[], kind: ScalarKind): void {
    this.write(kind.tuple ? KIND.tuple : KIND.list);
    this.write(items.length);
    items.forEach((item, index) => {
      this.encodeValue(item, (kind.tuple ? kind.items[index] : kind.items[0]) ?? ANY);
    });
  }

  private encodeDict(entries: Record<string, InputValue>, kind: ScalarKind): void {
    const keys = Object.keys(entries);
    this.write(KIND.dict);
    this.write(keys.length);
    for (const key of keys) {
      this.values.push(key);
      this.encodeValue(entries[key], kind.items[0] ?? ANY);
    }
  }

  private encodeScalar(value: number | bigint | boolean | string, kind: ScalarKind): void {
    if (typeof value === 'string') {
      this.write(KIND.text);
      this.values.push(value);
    } else if (typeof value === 'boolean') {
      this.write(KIND.bool);
      this.write(value ? 1 : 0);
    } else if (typeof value === 'bigint') {
      if (BigInt.asIntN(64, value) !== value) {
        throw new InfernodeError('INF_INPUT_TYPE', `${value} does not fit into a 64-bit integer`);
      }
      this.write(KIND.int);
      this.write(Number(value >> 32n));
      this.write(Number(value & 0xffffffffn));
    } else if (kind.float || !Number.isInteger(value) || Math.abs(value) >= 2 ** 63) {
      this.write(KIND.float);
      this.write(value);
    } else {
      const high = Math.floor(value / TWO_32);
      this.write(KIND.int);
      this.write(high);
      this.write(value - high * TWO_32);
    }
  }
}

/** How a number at one place of a signature is to be encoded. */
export interface ScalarKind {
  readonly float: boolean;
  readonly tuple: boolean;
  readonly items: readonly ScalarKind[];
}

const ANY: ScalarKind = { float: false, tuple: false, items: [] };

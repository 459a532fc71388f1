import type { Inputs, ModelInfo, OnComputed, Outputs, Session, Signature } from '#src/backends/backend';
import { Tensor } from '#src/tensor/tensor';

/** A call that waits for the test. */
export interface HeldCall {
  readonly x: Tensor<'float32'>;
  /** Lets it go on. */
  release(): void;
}

const SIGNATURE: Signature = {
  inputs: [
    { name: 'x', kind: 'tensor', dtype: 'float32', shape: ['batch', null], optional: false, type: 'Tensor' },
    { name: 'scale', kind: 'float', dtype: null, shape: null, optional: true, type: 'float' },
  ],
  outputs: [{ name: 'y', kind: 'tensor', dtype: 'float32', shape: ['batch', null], optional: false, type: 'Tensor' }],
};

/**
 * A session whose calls wait until they are let go. It answers `2 * scale * x` and, as `sum`, the sum of each row; a call with
 * a row that begins with a negative number fails as a whole.
 */
export class DoublingSession implements Session {
  readonly info: ModelInfo;
  readonly calls: Tensor<'float32'>[] = [];
  readonly held: HeldCall[] = [];
  closed = false;
  /** Whether calls wait for the test. */
  holds = true;
  /** What it says that each call has computed; null if it says nothing. */
  computedMs: number | null = null;

  constructor(info: Partial<ModelInfo> = {}) {
    const methods = { forward: SIGNATURE, other: SIGNATURE };
    this.info = {
      backend: 'torch',
      threads: 1,
      instances: 1,
      methods,
      signatureSource: 'declared',
      ...info,
    } as ModelInfo;
  }

  async run(_method: string, inputs: Inputs, _signal?: AbortSignal, onComputed?: OnComputed): Promise<Outputs> {
    const [x, scale = 1] = inputs as unknown as [Tensor<'float32'>, number | undefined];
    this.calls.push(x);
    if (this.holds) await new Promise<void>((release) => this.held.push({ x, release }));
    if (this.computedMs !== null) onComputed?.(this.computedMs);
    const [rows, columns] = x.shape as [number, number];
    const row = (index: number) => x.data.subarray(index * columns, (index + 1) * columns);
    const sum = Float32Array.from({ length: rows }, (_, index) => row(index).reduce((a, b) => a + b, 0));
    for (let index = 0; index < rows; index++) if (row(index)[0]! < 0) throw new Error(`row ${index} is bad`);
    const y = new Tensor(
      'float32',
      x.data.map((value) => 2 * scale * value),
      x.shape,
    );
    return { y, sum: new Tensor('float32', sum, [rows, 1]) };
  }

  runSync(): Outputs {
    throw new Error('unused');
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  /** Lets the oldest call go, once there is one, and waits until what follows from it has happened. */
  async releaseNext(): Promise<HeldCall> {
    while (this.held.length === 0) await turn();
    const call = this.held.shift()!;
    call.release();
    await turn();
    return call;
  }

  /** Rows of each call so far. */
  get sizes(): number[] {
    return this.calls.map(({ shape }) => shape[0]!);
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A tensor of `rows` rows of two numbers, the first being `first`. */
export function rowsFrom(first: number, rows = 1, columns = 2): Tensor<'float32'> {
  const data = Float32Array.from({ length: rows * columns }, (_, index) => first + index);
  return new Tensor('float32', data, [rows, columns]);
}

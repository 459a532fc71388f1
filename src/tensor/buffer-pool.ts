/** Smaller pieces cost more to keep than to make. */
const LEAST_BYTES = 1 << 16;

/** How long memory is kept that nobody asks for. */
const KEPT_MS = 10_000;

/**
 * Large pieces of memory that are used again. Each one that V8 makes counts towards its next full collection; at some hundred
 * megabytes a second, these would stop the event loop for a tenth of its time.
 */
export class BufferPool {
  readonly #spare = new Map<number, ArrayBuffer[]>();
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param limit bytes that are kept at the most */
  constructor(private readonly limit: number) {}

  /** Memory of at least so many bytes, with whatever was in it before. */
  take(bytes: number): ArrayBuffer {
    if (bytes < LEAST_BYTES) return new ArrayBuffer(bytes);
    const size = sizeClass(bytes);
    const spare = this.#spare.get(size)?.pop();
    if (spare === undefined) return new ArrayBuffer(size);
    this.#bytes -= size;
    return spare;
  }

  /** Takes memory back that nobody reads or writes any more. */
  give(buffer: ArrayBuffer): void {
    const size = buffer.byteLength;
    if (size < LEAST_BYTES || size !== sizeClass(size) || this.#bytes + size > this.limit) return;
    const spare = this.#spare.get(size) ?? [];
    this.#spare.set(size, spare);
    spare.push(buffer);
    this.#bytes += size;
    if (this.#timer === undefined) this.#timer = setTimeout(() => this.#drop(), KEPT_MS).unref();
    else this.#timer.refresh();
  }

  #drop(): void {
    this.#timer = undefined;
    this.#spare.clear();
    this.#bytes = 0;
  }
}

/** Four sizes from each power of two to the next, so that a fifth is wasted at the most. */
function sizeClass(bytes: number): number {
  const step = 2 ** Math.max(0, Math.floor(Math.log2(bytes)) - 2);
  return Math.ceil(bytes / step) * step;
}

import { connect, type Socket } from 'node:net';
import type { Tensor } from 'infernode';

/** A tensor, or what looks like one and is wrong on purpose. */
export type RawTensor = Pick<Tensor, 'dtype' | 'shape' | 'data'>;

/** What came back for one request. */
export interface RawAnswer {
  readonly status: number;
  readonly head: string;
  readonly body: Buffer;
}

/**
 * A client for measuring: sends bytes that were made before over one kept connection, and reads no more of the answer than
 * is needed to find its end. It costs a small part of what an HTTP library does, so that one core can load a server.
 */
export class RawClient {
  readonly #socket: Socket;
  #received: Buffer[] = [];
  #size = 0;
  #resolve: ((answer: RawAnswer) => void) | undefined;
  #reject: ((error: Error) => void) | undefined;
  #isOpen = true;
  #answers = 0;

  static async open(port: number, host = '127.0.0.1'): Promise<RawClient> {
    const socket = connect({ port, host, noDelay: true });
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new RawClient(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => this.#onData(bytes));
    socket.on('error', (error) => {
      this.#isOpen = false;
      this.#reject?.(error);
    });
    socket.on('close', () => {
      this.#isOpen = false;
      this.#reject?.(new Error('the server closed the connection'));
    });
  }

  /** False once the server closed the connection, as servers do with idle ones. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Answers that came back over it. */
  get answers(): number {
    return this.#answers;
  }

  /** One request at a time. */
  send(request: Uint8Array): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      if (!this.#isOpen) return reject(new Error('the connection is closed'));
      this.#resolve = resolve;
      this.#reject = reject;
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#reject = undefined;
    this.#socket.destroy();
  }

  #onData(bytes: Buffer): void {
    this.#received.push(bytes);
    this.#size += bytes.length;
    const first = this.#received[0]!;
    const end = first.indexOf('\r\n\r\n');
    if (end < 0) {
      this.#received = [Buffer.concat(this.#received)];
      return;
    }
    const head = first.toString('latin1', 0, end);
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#size < end + 4 + length) return;
    const whole = this.#received.length === 1 ? first : Buffer.concat(this.#received);
    this.#received = [];
    this.#size = 0;
    this.#answers++;
    this.#resolve?.({ status: Number(head.slice(9, 12)), head, body: whole.subarray(end + 4, end + 4 + length) });
  }
}

/** Numbers of a shape: not all alike, and the same each time. */
export function pattern(shape: readonly number[]): Float32Array {
  return Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, index) => Math.sin(index));
}

/** The bytes of a request that carries nothing but the bytes of tensors, one after another. */
export function plainRequest(path: string, tensors: readonly RawTensor[]): Buffer {
  const body = Buffer.concat(tensors.map(bytesOf));
  const head = [`POST ${path} HTTP/1.1`, 'Host: 127.0.0.1', `Content-Length: ${body.length}`];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}

/** The bytes of an inference request by the Open Inference Protocol, in binary both ways. */
export function binaryRequest(model: string, inputs: Readonly<Record<string, RawTensor>>): Buffer {
  const tensors = Object.values(inputs).map(bytesOf);
  const json = JSON.stringify({
    inputs: Object.entries(inputs).map(([name, { dtype, shape }], index) => ({
      name,
      datatype: DATATYPES[dtype as keyof typeof DATATYPES],
      shape,
      parameters: { binary_data_size: tensors[index]!.length },
    })),
    parameters: { binary_data_output: true },
  });
  const body = Buffer.concat([Buffer.from(json), ...tensors]);
  const head = [
    `POST /v2/models/${model}/infer HTTP/1.1`,
    'Host: 127.0.0.1',
    'Content-Type: application/octet-stream',
    `Inference-Header-Content-Length: ${Buffer.byteLength(json)}`,
    `Content-Length: ${body.length}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]);
}

const DATATYPES = { float32: 'FP32', int64: 'INT64' } as const;

function bytesOf({ data }: RawTensor): Buffer {
  const { buffer, byteOffset, byteLength } = data as Float32Array<ArrayBuffer>;
  return Buffer.from(buffer, byteOffset, byteLength);
}

import { join } from 'node:path';
import {
  type CallOptions,
  ChannelCredentials,
  type ClientDuplexStream,
  loadPackageDefinition,
  Metadata,
  type ServiceClientConstructor,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { Engine } from '#src/engine/engine';
import type { GrpcServerOptions } from '#src/server/grpc/options';
import { createGrpcServer, type GrpcServer } from '#src/server/grpc/server';
import { repository } from './test-data.js';

/** A tensor of a response, without its elements. */
interface TensorHead {
  readonly name: string;
  readonly datatype: string;
  readonly shape: number[];
}

/** A ModelInferResponse, as far as tests look at it. */
export interface InferResponse {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string;
  readonly outputs: TensorHead[];
  readonly raw_output_contents: Buffer[];
  readonly parameters: Record<string, Record<string, unknown>>;
}

export interface StreamResponse {
  readonly error_message: string;
  readonly infer_response: InferResponse;
}

/** A client made from the proto file. */
export interface Client {
  call<T = Record<string, unknown>>(method: string, request?: object, options?: Options): Promise<T>;
  stream(options?: CallOptions): ClientDuplexStream<object, StreamResponse>;
  disconnect(): void;
}

/** A running server, and a client of it. */
export interface Peer extends Omit<Client, 'disconnect'> {
  readonly engine: Engine;
  readonly server: GrpcServer;
  readonly port: number;
  close(): Promise<void>;
}

interface Options extends CallOptions {
  readonly metadata?: Record<string, string>;
  /** Cancels the call. */
  readonly signal?: AbortSignal;
}

const READING = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };

/** The messages and services of the protocol. */
export const definition = loadSync('inference.proto', { ...READING, includeDirs: [join(repository, 'proto')] });

type Service = { inference: { GRPCInferenceService: ServiceClientConstructor } };

const { inference } = loadPackageDefinition(definition) as unknown as Service;

/** Starts a server of these models. */
export async function serve(
  models: Readonly<Record<string, string>>,
  options: Omit<Partial<GrpcServerOptions>, 'engine'> & { credentials?: ChannelCredentials } = {},
): Promise<Peer> {
  const { credentials = ChannelCredentials.createInsecure(), ...rest } = options;
  const engine = await Engine.open({ models });
  const server = createGrpcServer({ engine, port: 0, ...rest });
  const port = await server.listen();
  const { disconnect, ...client } = connect(port, credentials);
  return {
    engine,
    server,
    port,
    ...client,
    close: async () => {
      disconnect();
      await server.close(1000);
      await engine.close();
    },
  };
}

/** A client of the server on that port. */
export function connect(port: number, credentials = ChannelCredentials.createInsecure()): Client {
  const client = new inference.GRPCInferenceService(`localhost:${port}`, credentials, {
    'grpc.max_receive_message_length': -1,
    'grpc.enable_retries': 0,
  });
  return {
    call: (method, request = {}, { metadata = {}, signal, ...callOptions } = {}) =>
      new Promise((resolve, reject) => {
        const headers = Metadata.fromHttp2Headers(metadata);
        const call = client[method]!(request, headers, callOptions, (error: ServiceError | null, value: unknown) =>
          error === null ? resolve(value as never) : reject(error),
        );
        signal?.addEventListener('abort', () => call.cancel());
      }),
    stream: (callOptions = {}) => client.ModelStreamInfer!(callOptions),
    disconnect: () => client.close(),
  };
}

/** A request with raw contents. */
export function rawRequest(
  model: string,
  inputs: Readonly<Record<string, readonly [datatype: string, shape: readonly number[], data: ArrayBufferView]>>,
  rest: object = {},
): object {
  const list = Object.entries(inputs);
  return {
    model_name: model,
    inputs: list.map(([name, [datatype, shape]]) => ({ name, datatype, shape })),
    raw_input_contents: list.map(([, [, , { buffer, byteOffset, byteLength }]]) =>
      Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength),
    ),
    ...rest,
  };
}

/** The elements of an output. */
export function output<T>(response: InferResponse, name: string, array: new (buffer: ArrayBuffer) => T): T {
  const index = response.outputs.findIndex((one) => one.name === name);
  return new array(new Uint8Array(response.raw_output_contents[index]!).buffer);
}

/** The strings of a BYTES output. */
export function strings(response: InferResponse, name: string): string[] {
  const bytes = response.raw_output_contents[response.outputs.findIndex((one) => one.name === name)]!;
  const texts: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 4 + bytes.readUInt32LE(at);
    texts.push(bytes.toString('utf8', at + 4, end));
    at = end;
  }
  return texts;
}

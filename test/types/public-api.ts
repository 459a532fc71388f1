/** The types of the public API. Compiled and never run: what is wrong here does not compile. */
import {
  type Attempt,
  type BackendChoice,
  type BackendName,
  type BackendStatus,
  type Classification,
  type DataOf,
  type Dim,
  type DType,
  Engine,
  ERRORS,
  type ErrorCode,
  type ErrorDetails,
  type ImageProcessing,
  InfernodeError,
  type Inputs,
  type InputValue,
  imageToTensor,
  type LoadOptions,
  listBackends,
  load,
  type Model,
  type ModelConfig,
  type ModelEntry,
  type ModelFormat,
  type ModelInfo,
  type NestedArray,
  type Outputs,
  type Precision,
  type RunOptions,
  readNpy,
  type Signature,
  stackTensors,
  Tensor,
  type TensorData,
  topK,
  type ValueInfo,
  writeNpy,
} from 'infernode';

/** True if both types are the same, `any` and optional keys included. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function same<A, B>(...proof: Same<A, B> extends true ? [] : [never]): void;

declare const model: Model;
declare const signal: AbortSignal;

export async function loading(): Promise<void> {
  same<ReturnType<typeof load>, Promise<Model>>();
  await load('model.pt');
  await load('model.pt', {});
  await load('m', { backend: 'auto', device: 'cuda:1', threads: 2, precision: 'bf16', libtorch: '/x', signal });
  same<LoadOptions['backend'], 'auto' | BackendName | undefined>();
  same<LoadOptions['precision'], Precision | undefined>();
  same<Precision, 'auto' | 'fp32' | 'tf32' | 'bf16' | 'fp16' | 'int8'>();
  await load('m', { devices: [0, 1], graphs: false, gpuMemoryLimit: 1e9, precision: 'tf32' });
  await load(new URL('file:///model.pt'));
  // @ts-expect-error a path is a string or a URL
  await load(5);
  // @ts-expect-error there is no such option
  await load('model.pt', { thread: 2 });
  // @ts-expect-error there is no such backend
  await load('model.pt', { backend: 'tensorflow' });
  // @ts-expect-error there is no such device
  await load('model.pt', { device: 'gpu' });
  // @ts-expect-error an option that is left out is not undefined
  await load('model.pt', { threads: undefined });
}

export async function calling(): Promise<void> {
  const x = new Tensor('float32', new Float32Array(2));
  same<ReturnType<Model['run']>, Promise<Outputs>>();
  same<ReturnType<Model['runSync']>, Outputs>();
  same<ReturnType<Model['call']>, Promise<Outputs>>();
  same<ReturnType<Model['close']>, Promise<void>>();
  same<Outputs, Record<string, Tensor>>();
  same<RunOptions, { readonly method?: string; readonly signal?: AbortSignal }>();

  await model.run({ x });
  await model.run([x, 1, 2n, true, 'text', null, undefined]);
  await model.run({ x, pair: [x, [x, 1]], table: { a: x }, left: undefined }, { method: 'forward', signal });
  await model.call('reset');
  await model.call('step', x, 1);
  model.runSync({ x }, { method: 'forward' });
  // @ts-expect-error inputs are named or in an array
  await model.run(x, x);
  // @ts-expect-error a typed array is no input value
  await model.run({ x: new Float32Array(2) });
  // @ts-expect-error nor is a function
  await model.run([() => x]);
  // @ts-expect-error a call that blocks cannot be aborted
  model.runSync({ x }, { signal });
  // @ts-expect-error a method is called by its name
  await model.call(1);

  const inputs: Inputs = { x } as const;
  const values: readonly InputValue[] = [x] as const;
  await model.run(inputs);
  await model.run(values);
  // Outputs of one model are inputs of the next.
  await model.run(await model.run([x]));

  const outputs = await model.run([x]);
  // @ts-expect-error an output may not be there
  outputs.output.toArray();
  same<NonNullable<(typeof outputs)['output']>, Tensor>();
}

export async function disposing(): Promise<void> {
  await using disposed: Model = await load('model.pt');
  same<typeof disposed.signature, Signature>();
  // @ts-expect-error closing takes time, so `using` alone does not do
  using wrong = disposed;
  void wrong;
}

export function describing(): void {
  same<Model['path'], string>();
  same<Model['file'], string>();
  same<Model['choice'], BackendChoice>();
  same<BackendChoice, { readonly backend: BackendName; readonly reason: string }>();
  same<Model['config'], ModelConfig | null>();
  same<Model['info'], ModelInfo>();
  same<Model['signature'], Signature>();
  same<ModelInfo['methods'], Readonly<Record<string, Signature>>>();
  same<ModelInfo['signatureSource'], 'declared' | 'derived'>();
  same<Signature['inputs'], readonly ValueInfo[]>();
  same<ValueInfo['shape'], readonly Dim[] | null>();
  same<ValueInfo['dtype'], DType | null>();
  same<Dim, number | string | null>();
  same<BackendName, 'torch' | 'onnx'>();
  same<ModelFormat, 'torchscript' | 'aotinductor' | 'onnx'>();
  // @ts-expect-error what a model is cannot be changed
  model.path = '';
  // @ts-expect-error nor what it takes
  model.info.methods.forward = { inputs: [], outputs: [] };
  // @ts-expect-error its session is nobody's business
  void model.session;
}

export function tensors(): void {
  const floats = new Tensor('float32', new Float32Array(4), [2, 2]);
  same<typeof floats, Tensor<'float32'>>();
  same<(typeof floats)['data'], Float32Array>();
  same<(typeof floats)['dtype'], 'float32'>();
  same<(typeof floats)['shape'], readonly number[]>();
  same<DataOf<'float16' | 'bfloat16' | 'uint16'>, Uint16Array>();
  same<DataOf<'bool' | 'uint8'>, Uint8Array>();
  same<DataOf<'int64'>, BigInt64Array>();
  same<DataOf<'string'>, string[]>();
  same<TensorData, DataOf<DType>>();
  same<ReturnType<Tensor['toArray']>, NestedArray>();
  same<ReturnType<Tensor['item']>, number | bigint | boolean | string>();
  new Tensor('uint8', Buffer.alloc(1));
  new Tensor('float32', new Float32Array(new SharedArrayBuffer(4)));
  const any: Tensor = floats;
  void any;
  // @ts-expect-error float32 is carried by a Float32Array
  new Tensor('float32', new Float64Array(1));
  // @ts-expect-error an array of numbers is no tensor data
  new Tensor('float32', [1, 2]);
  // @ts-expect-error int64 is carried by bigints
  new Tensor('int64', new Int32Array(1));
  // @ts-expect-error there is no such dtype
  new Tensor('float', new Float32Array(1));
  // @ts-expect-error a shape is not changed
  floats.shape[0] = 1;
  // @ts-expect-error the data of a tensor is not replaced
  floats.data = new Float32Array(4);
}

export function errors(thrown: unknown): void {
  if (thrown instanceof InfernodeError) {
    same<typeof thrown, InfernodeError>();
    same<typeof thrown.code, ErrorCode>();
    same<typeof thrown.details, ErrorDetails>();
    same<typeof thrown.httpStatus, number>();
    if (thrown.code === 'INF_ABORTED') return;
    // @ts-expect-error there is no such code
    if (thrown.code === 'INF_ABORT') return;
  }
  same<ErrorCode, keyof typeof ERRORS>();
  same<(typeof ERRORS)['INF_MODEL_NOT_FOUND']['http'], 404>();
  // @ts-expect-error codes are not changed
  ERRORS.INF_ABORTED = { http: 500, grpc: 'INTERNAL' };
  new InfernodeError('INF_INTERNAL', 'text', { cause: thrown, details: { name: 'x', more: 1 } });
}

export async function backends(): Promise<void> {
  same<ReturnType<typeof listBackends>, Promise<BackendStatus[]>>();
  await listBackends({ libtorch: '/path/to/libtorch' });
  same<BackendStatus['attempts'], readonly Attempt[]>();
  same<BackendStatus['devices'], readonly string[]>();
}

export async function processing(settings: ImageProcessing, bytes: Uint8Array, tensor: Tensor): Promise<void> {
  same<ReturnType<typeof imageToTensor>, Promise<Tensor>>();
  await imageToTensor('a.png');
  await imageToTensor('a.png', settings);
  await imageToTensor('a.png', { resize: [64, 32], mean: [0.5] });
  await imageToTensor(bytes, settings, { dtype: 'uint8' });
  same<NonNullable<NonNullable<ModelConfig['processing']>['image']>, ImageProcessing>();
  // @ts-expect-error pictures are no strings
  await imageToTensor(bytes, settings, { dtype: 'string' });
  // @ts-expect-error there is no such interpolation
  await imageToTensor(bytes, { ...settings, interpolation: 'area' });
  same<ReturnType<typeof topK>, Classification[][]>();
  topK(tensor, 5, ['a', 'b'] as const, true);
  same<Classification['label'], string | null>();
  same<ReturnType<typeof stackTensors>, Tensor>();
  stackTensors([tensor, tensor]);
  const read: Tensor = readNpy(bytes);
  const written: Uint8Array = writeNpy(read);
  void written;
}

export async function nothingElse(): Promise<void> {
  // @ts-expect-error only the index can be imported
  await import('infernode/dist/engine/load.js');
  // @ts-expect-error a model is loaded, not made
  new Model();
}

export async function serving(): Promise<void> {
  await using engine = await Engine.open({ repository: 'models', mode: 'explicit', startup: ['*'], threads: 1 });
  // @ts-expect-error loads are given up by unloading or closing
  await Engine.open({ repository: 'models', signal });
  // @ts-expect-error no such mode
  await Engine.open({ repository: 'models', mode: 'pull' });
  same<ReturnType<typeof engine.models>, ModelEntry[]>();
  same<typeof engine.ready, boolean>();
  engine.on('state', ({ name, version, state, reason }) => [
    name.length,
    version?.toFixed(),
    state === 'READY',
    reason,
  ]);
  engine.on('ready', (ready) => same<typeof ready, boolean>()).off('scanFailed', (error) => error.code);
  // @ts-expect-error no such event
  engine.on('states', () => undefined);
  const { outputs } = await engine.infer('net', { inputs: [1], version: 2, priority: 1, signal });
  same<typeof outputs, Outputs>();
  await engine.loadModel('net', { versions: { latest: 2 }, batching: { maxSize: 8 } });
  // @ts-expect-error no such selection
  await engine.loadModel('net', { versions: 'newest' });
  await engine.unloadModel('net');
}

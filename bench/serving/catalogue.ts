import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tensor } from 'infernode';
import type { MatmulPrecision } from '#src/benchmark/protocol';
import type { PrecisionClass } from '../contestants/catalogue.js';
import type { BenchModel } from '../models/catalogue.js';
import { MADE } from '../models/made.js';
import { modelFiles, onnx, onnxInt8, pt, tunedFolder, tunedPrecision } from '../models/prepare.js';
import { needPython } from '../models/python.js';
import { ROOT } from '../root.js';
import { binaryRequest, plainRequest } from './raw-client.js';

/** The command that starts a server at a port. */
export type ServerCommand = (port: number) => readonly [string, ...string[]];

/** A server that takes part in the scenario Server. */
export interface ServerSpec {
  readonly name: string;
  readonly isOurs: boolean;
  readonly precision: PrecisionClass;
  readonly from: 'smoke' | 'quick' | 'full';
  /** Asked once there is a command; null where no limit is measured for it. */
  readonly computesIn: (model: BenchModel, threads: number) => Promise<MatmulPrecision | null>;
  readonly settings: string;
  /** Answers 200 once the server is ready, with its versions. */
  readonly ready: string;
  /** @throws Absent */
  readonly command: (model: BenchModel, threads: number) => Promise<ServerCommand>;
  /** The bytes of a query of one sample; the server is up at this port. */
  readonly request: (model: BenchModel, port: number) => Promise<Buffer>;
}

/** A folder of our model repository with one file of a model. */
async function folderOf(model: BenchModel, file: 'pt' | 'onnx'): Promise<string> {
  const files = await modelFiles(model);
  const folder = join(MADE, 'served', `${model.name}-${file}`);
  await mkdir(join(folder, '1'), { recursive: true });
  await cp(files[file], join(folder, '1', `model.${file}`));
  await writeFile(join(folder, 'model.json'), '{}');
  return folder;
}

function infernode(
  what: string,
  facts: Pick<ServerSpec, 'from' | 'precision' | 'computesIn'>,
  folder: (model: BenchModel, threads: number) => Promise<string>,
): ServerSpec {
  return {
    ...facts,
    name: `infernode serve ${what}`,
    isOurs: true,
    settings: 'HTTP, Open Inference Protocol with binary tensors, batching as it is by default',
    ready: '/v2/health/ready',
    async command(model, threads) {
      const path = `model=${await folder(model, threads)}`;
      const options = ['--no-docs', '--threads', String(threads)];
      const cli = join(ROOT, 'dist/cli/main.js');
      return (port) => [process.execPath, cli, 'serve', path, ...options, '--port', String(port)];
    },
    async request(model, port) {
      const metadata = await fetch(`http://127.0.0.1:${port}/v2/models/model`);
      const { inputs } = (await metadata.json()) as { inputs: { name: string }[] };
      const tensors = Object.values(model.inputs(1)) as Tensor[];
      return binaryRequest('model', Object.fromEntries(inputs.map(({ name }, index) => [name, tensors[index]!])));
    },
  };
}

function pythonServer(
  script: string,
  file: (model: BenchModel) => Promise<string>,
  facts: Pick<ServerSpec, 'name' | 'from' | 'precision' | 'computesIn' | 'settings'>,
): ServerSpec {
  return {
    ...facts,
    isOurs: false,
    ready: '/ready',
    async command(model, threads) {
      const inputs = Object.entries(model.inputs(1)).map(([input, value]) => {
        const { dtype, shape } = value as Tensor;
        return `${input}:${dtype}:${shape.slice(1)}`;
      });
      const served = [await file(model), inputs.join(' ')];
      const python = needPython();
      return (port) => [python, join(ROOT, 'bench/peers', script), ...served, String(port), String(threads)];
    },
    request: async (model) => plainRequest('/infer', Object.values(model.inputs(1)) as Tensor[]),
  };
}

const fastapi = { settings: 'uvloop, httptools, thread pool' };

type Computes = Pick<ServerSpec, 'precision' | 'computesIn'>;
const fp32: Computes = { precision: 'fp32', computesIn: async () => 'fp32' };
const int8: Computes = { precision: 'reduced', computesIn: async () => 'int8' };
const tuned: Computes = {
  precision: 'reduced',
  computesIn: async (model, threads) => tunedPrecision(await tunedFolder(model, threads)),
};

export const SERVERS: readonly ServerSpec[] = [
  infernode('torch', { from: 'smoke', ...fp32 }, (model) => folderOf(model, 'pt')),
  infernode('onnx', { from: 'full', ...fp32 }, (model) => folderOf(model, 'onnx')),
  pythonServer('fastapi_server.py', pt, {
    name: 'FastAPI, uvicorn, TorchScript',
    from: 'smoke',
    ...fp32,
    ...fastapi,
  }),
  pythonServer('fastapi_server.py', onnx, {
    name: 'FastAPI, uvicorn, onnxruntime',
    from: 'full',
    ...fp32,
    ...fastapi,
  }),
  pythonServer('ray_serve_server.py', pt, {
    name: 'Ray Serve, TorchScript',
    from: 'full',
    ...fp32,
    settings: 'serve.batch of 8 within 2 ms, one replica',
  }),
  infernode('tuned', { from: 'quick', ...tuned }, tunedFolder),
  pythonServer('fastapi_server.py', onnxInt8, {
    name: 'FastAPI, uvicorn, onnxruntime INT8',
    from: 'quick',
    ...int8,
    ...fastapi,
  }),
];

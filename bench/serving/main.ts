/**
 * node .build/ts/bench/serving/main.js FOLDER [ROUNDS]: what serving brings and costs, on models that bench/models/make.py wrote to
 * FOLDER. Servers are pinned to core 0, this load generator to core 1 (run it by `taskset -c 1`). Interleaved rounds, medians.
 *
 * PYTHON names the Python of the peers (bench/peers/requirements.txt); without it, they are reported as absent.
 */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Tensor } from 'infernode';
import { spreadOf as spread } from '#src/benchmark/figures';
import { CandidateProcess } from '#src/conversion/candidate-process';
import { closedLoop, httpClients, type LoadResult } from './closed-loop.js';
import { binaryRequest, pattern, plainRequest } from './raw-client.js';
import { startServer } from './server-process.js';

const [folder, rounds = '5'] = process.argv.slice(2) as [string, string?];
const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const CLI = join(ROOT, 'dist/cli/main.js');
const PYTHON = process.env.PYTHON;
const PORT = 18_080;
const SERVER_CORE = 0;
const WARM_UP_MS = 1500;

interface Measured extends LoadResult {
  /** Milliseconds, of our servers. */
  readonly loopP99?: number;
}

interface Contestant {
  readonly name: string;
  measure(): Promise<Measured>;
}

const scratch = await mkdtemp(join(tmpdir(), 'infernode-serving-'));

/** A model folder with settings of its own. */
async function modelFolder(name: string, file: string, config: object): Promise<string> {
  const path = join(scratch, name);
  await mkdir(join(path, '1'), { recursive: true });
  await cp(file, join(path, '1', file.endsWith('.onnx') ? 'model.onnx' : 'model.pt'));
  await writeFile(join(path, 'model.json'), JSON.stringify(config));
  return path;
}

interface Load {
  readonly input: string;
  readonly shape: readonly number[];
  readonly clients: number;
  readonly durationMs: number;
}

function http(name: string, path: string, { input, shape, clients, durationMs }: Load): Contestant {
  const command = [
    process.execPath,
    CLI,
    'serve',
    `model=${path}`,
    '--port',
    String(PORT),
    '--no-docs',
    '--threads',
    '1',
  ];
  return {
    name,
    async measure() {
      const server = await startServer(command as [string], {
        port: PORT,
        core: SERVER_CORE,
        ready: '/v2/health/ready',
      });
      const load = await httpClients(
        clients,
        PORT,
        binaryRequest('model', { [input]: { dtype: 'float32', data: pattern(shape), shape } }),
      );
      const metrics = async () => (await fetch(`http://127.0.0.1:${PORT}/metrics`)).text();
      // Delays of the start do not count.
      setTimeout(() => void metrics(), WARM_UP_MS);
      const result = await closedLoop(load.clients, { warmUpMs: WARM_UP_MS, durationMs });
      const p99 = /^infernode_event_loop_delay_seconds\{quantile="0.99"\} (\S+)/m.exec(await metrics());
      load.close();
      await server.stop();
      return { ...result, loopP99: Number(p99?.[1]) * 1000 };
    },
  };
}

function inProcess(name: string, path: string, { input, shape, clients, durationMs }: Load): Contestant {
  const script = fileURLToPath(new URL('in-process.js', import.meta.url));
  const args = [script, path, input, JSON.stringify(shape), String(clients), String(durationMs)];
  return {
    name,
    measure: async () =>
      JSON.parse(execFileSync('taskset', ['-c', String(SERVER_CORE), process.execPath, ...args], { encoding: 'utf8' })),
  };
}

function fastapi(name: string, file: string, { shape, clients, durationMs }: Load): Contestant | null {
  if (PYTHON === undefined) return null;
  const script = join(ROOT, 'bench/peers/fastapi_server.py');
  return {
    name,
    async measure() {
      const command = [PYTHON, script, file, `x:float32:${shape.slice(1)}`, String(PORT), '1'] as [string, ...string[]];
      const server = await startServer(command, { port: PORT, core: SERVER_CORE, ready: '/ready' });
      const load = await httpClients(
        clients,
        PORT,
        plainRequest('/infer', [{ dtype: 'float32', data: pattern(shape), shape }]),
      );
      const result = await closedLoop(load.clients, { warmUpMs: WARM_UP_MS, durationMs });
      load.close();
      await server.stop();
      return result;
    },
  };
}

/** Interleaved rounds; each contestant's medians, and its throughput against that of the first. */
async function compare(title: string, contestants: readonly (Contestant | null)[]): Promise<void> {
  const present = contestants.filter((contestant) => contestant !== null);
  const all = new Map<Contestant, Measured[]>(present.map((contestant) => [contestant, []]));
  for (let round = 0; round < Number(rounds); round++) {
    for (const contestant of present) all.get(contestant)!.push(await contestant.measure());
  }
  console.log(`\n${title}`);
  line('', 'a second', 'spread', 'ratio', 'p50 ms', 'p95 ms', 'loop p99 ms');
  const median = (results: readonly Measured[], of: (result: Measured) => number) => spread(results.map(of)).median;
  const base = median(all.get(present[0]!)!, ({ throughput }) => throughput);
  for (const [{ name }, results] of all) {
    const { median: throughput, min, max } = spread(results.map((result) => result.throughput));
    const loop = median(results, ({ loopP99 }) => loopP99 ?? Number.NaN);
    line(
      name,
      throughput.toFixed(1),
      `${min.toFixed(1)}-${max.toFixed(1)}`,
      (throughput / base).toFixed(2),
      median(results, ({ p50 }) => p50).toFixed(1),
      median(results, ({ p95 }) => p95).toFixed(1),
      Number.isNaN(loop) ? '' : loop.toFixed(1),
    );
  }
  if (present.length < contestants.length) console.log('absent: a Python peer, for PYTHON names no Python');
}

function line(...cells: readonly string[]): void {
  console.log(cells.map((cell, index) => (index === 0 ? cell.padEnd(34) : cell.padStart(16))).join(''));
}

/** The INT8 model that `optimize` would make: static, calibrated. */
async function quantized(file: string, input: string, shape: readonly number[]): Promise<string> {
  const target = join(scratch, 'int8.pt');
  const samples = Array.from({ length: 8 }, (_, index) => {
    const data = pattern(shape).map((value) => value * (1 + index / 8));
    return { [input]: new Tensor('float32', data, shape) };
  });
  const child = new CandidateProcess();
  const build = { name: 'int8', source: file, backend: 'torch', format: 'torchscript', precision: 'int8' } as const;
  await child.convert({ ...build, mode: 'static', observer: 'min-max' }, target, samples, undefined);
  await child.end();
  return target;
}

try {
  const off = { batching: { maxSize: 1 } };
  for (const [model, file, input, shape] of [
    ['wide, torch', join(folder, 'wide.pt'), 'input', [1, 256]],
    ['wide, onnx', join(folder, 'wide.onnx'), 'x', [1, 256]],
    ['shapes, torch', join(ROOT, 'models/shapes/1/model.pt'), 'image', [1, 3, 64, 64]],
    ['shapes, onnx', join(ROOT, 'models/shapes/1/model.onnx'), 'image', [1, 3, 64, 64]],
  ] as const) {
    const load: Load = { input, shape, clients: 64, durationMs: 4000 };
    const id = model.replace(', ', '-');
    await compare(`Dynamic batching: ${model}, 64 clients over HTTP`, [
      http('batching off', await modelFolder(`${id}-off`, file, off), load),
      http('batching on', await modelFolder(`${id}-on`, file, {}), load),
    ]);
  }
  const picture: Load = { input: 'input', shape: [1, 3, 224, 224], clients: 16, durationMs: 8000 };
  const resnet = join(folder, 'resnet50.pt');
  const plain = await modelFolder('resnet', resnet, {});
  const tuned = await modelFolder('resnet-int8', await quantized(resnet, 'input', picture.shape), {});
  await compare('ResNet-50, 16 clients', [
    fastapi('FastAPI, uvicorn, TorchScript', resnet, picture),
    inProcess('in process, fp32', plain, picture),
    http('HTTP, fp32', plain, picture),
    inProcess('in process, int8', tuned, picture),
    http('HTTP, int8', tuned, picture),
  ]);
} finally {
  await rm(scratch, { recursive: true, force: true });
}

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { MatmulPrecision } from '#src/benchmark/protocol';
import { hasBfloat16 } from '#src/config/cpu-features';
import { systemInfo } from '#src/config/system-info';
import type { BenchModel } from '../models/catalogue.js';
import { onnx, onnxInt8, packages, pipelineFolder, pt, tunedFolder } from '../models/prepare.js';
import { needPython } from '../models/python.js';
import { ROOT } from '../root.js';
import { Absent } from './protocol.js';

/** Whom a figure is compared with: like with like. What is not fp32 may be BF16 or INT8. */
export type PrecisionClass = 'fp32' | 'reduced';

/** What `optimize` chose may compute in FP32 after all. */
export function classOf(precision: PrecisionClass, computesIn: MatmulPrecision | null | undefined): PrecisionClass {
  return computesIn === 'fp32' ? 'fp32' : precision;
}

/** Who takes part, and how its process is started. */
export interface ContestantSpec {
  readonly name: string;
  readonly isOurs: boolean;
  readonly precision: PrecisionClass;
  /** What its multiplications are computed in; null where only the model that it loads tells. */
  readonly computesIn: MatmulPrecision | null;
  readonly runsIn: 'node' | 'python';
  /** The smallest plan that it takes part in. */
  readonly from: 'smoke' | 'quick' | 'full';
  readonly applies: (model: BenchModel) => boolean;
  /** The arguments of its program, which is in Node.js or Python. */
  readonly program: readonly [string, ...string[]];
  /** What it loads, made where it is not there yet. @throws Absent */
  readonly model: (model: BenchModel, threads: number, batches: readonly number[]) => Promise<string>;
}

const all = () => true;
const byName = async ({ name }: BenchModel) => name;

function ours(
  name: string,
  backend: string,
  precision: PrecisionClass,
  model: ContestantSpec['model'],
): ContestantSpec {
  const program = ['infernode', backend] as const;
  const computesIn = precision === 'fp32' ? 'fp32' : null;
  return {
    name,
    isOurs: true,
    precision,
    computesIn,
    runsIn: 'node',
    from: precision === 'fp32' ? 'smoke' : 'quick',
    applies: all,
    program,
    model,
  };
}

type PeerRest = Partial<ContestantSpec> & Pick<ContestantSpec, 'model'>;

/** What holds of a peer that does not say otherwise. */
const PEER = { isOurs: false, precision: 'fp32', computesIn: 'fp32', from: 'smoke', applies: all } as const;

function node(name: string, script: string, rest: PeerRest): ContestantSpec {
  return { name, ...PEER, runsIn: 'node', program: [script], ...rest };
}

function python(name: string, program: readonly [string, ...string[]], rest: PeerRest): ContestantSpec {
  return { name, ...PEER, runsIn: 'python', program, ...rest };
}

export const CONTESTANTS: readonly ContestantSpec[] = [
  ours('infernode torch', 'torch', 'fp32', pt),
  ours('infernode onnx', 'onnx', 'fp32', onnx),
  node('onnxruntime-node', 'onnxruntime', { model: onnx }),
  node('onnxruntime-node in a worker', 'onnxruntime-worker', { model: onnx }),
  node('transformers.js pipeline', 'transformers', {
    model: pipelineFolder,
    applies: ({ name }) => name === 'encoder',
  }),
  python('PyTorch eager', ['torch_peer.py', 'eager'], { from: 'full', model: byName }),
  python('TorchScript', ['torch_peer.py', 'torchscript'], { model: pt }),
  python('AOTInductor', ['torch_peer.py', 'aotinductor'], {
    from: 'full',
    model: (model, threads, batches) => packages(model, batches, 'fp32', threads),
  }),
  python('torch.compile', ['torch_peer.py', 'compile'], { from: 'full', model: byName }),
  python('onnxruntime (Python)', ['onnxruntime_peer.py'], { model: onnx }),
  ours('infernode tuned', 'auto', 'reduced', tunedFolder),
  node('onnxruntime-node INT8', 'onnxruntime', { precision: 'reduced', computesIn: 'int8', model: onnxInt8 }),
  python('onnxruntime INT8 (Python)', ['onnxruntime_peer.py'], {
    precision: 'reduced',
    computesIn: 'int8',
    model: onnxInt8,
    from: 'full',
  }),
  python('AOTInductor BF16', ['torch_peer.py', 'aotinductor', 'bf16'], {
    precision: 'reduced',
    computesIn: 'bf16',
    from: 'full',
    model: async (model, threads, batches) => {
      if (!hasBfloat16(systemInfo())) throw new Absent('this CPU has no instructions for BF16');
      return packages(model, batches, 'bf16', threads);
    },
  }),
];

/** The command of its process. @throws Absent without a Python */
export function commandOf({ runsIn, program: [script, ...args] }: ContestantSpec): [string, ...string[]] {
  if (runsIn === 'python') return [needPython(), join(ROOT, 'bench/peers', script), ...args];
  return [process.execPath, fileURLToPath(new URL(`${script}.js`, import.meta.url)), ...args];
}

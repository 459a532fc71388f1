import { type Command, InvalidArgumentError, Option } from 'commander';
import { PRECISIONS, type Precision } from '../config/model-config.js';
import type { LoadOptions } from '../engine/load-options.js';

/** The options that every command which loads a model takes, as Commander parses them. */
export interface CommonOptions {
  readonly backend: 'auto' | 'torch' | 'onnx';
  readonly device: 'auto' | 'cpu' | 'cuda' | `cuda:${number}`;
  readonly devices?: number[];
  readonly graphs: boolean;
  readonly gpuMemoryLimit?: number;
  readonly precision?: Precision;
  readonly threads?: number;
  readonly libtorch?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** Adds `--json` and `--verbose`, which every command takes. */
export function addOutputOptions(command: Command): Command {
  return command
    .option('--json', 'print one JSON document; errors too, as {"error": {code, message, details}} on standard output')
    .option('--verbose', 'show the causes of an error (as INFERNODE_DEBUG=1 does)');
}

/** Adds the options that say where and how a model runs. */
export function addModelOptions(command: Command): Command {
  return command
    .addOption(new Option('--backend <name>', 'runtime').choices(['auto', 'torch', 'onnx']).default('auto'))
    .option('--device <device>', 'auto, cpu, cuda or cuda:N', parseDevice, 'auto')
    .option('--devices <list>', 'GPUs to spread instances over, such as 0,1', parseNumbers)
    .option('--no-graphs', 'no CUDA graphs')
    .option('--gpu-memory-limit <MB>', 'what this process may take of a GPU, in megabytes', parsePositive)
    .addOption(
      new Option(
        '--precision <precision>',
        'numbers to compute in; auto: as optimize found (default: as saved)',
      ).choices(PRECISIONS),
    )
    .option('--threads <n>', 'threads of one inference (default: the free cores)', parsePositive)
    .option('--libtorch <dir>', 'folder of libtorch, if not found by itself');
}

/** What `load` takes of them. */
export function loadOptions(
  options: CommonOptions,
): Pick<
  LoadOptions,
  'backend' | 'device' | 'devices' | 'graphs' | 'gpuMemoryLimit' | 'precision' | 'threads' | 'libtorch'
> {
  const { backend, device, devices, graphs, gpuMemoryLimit, precision, threads, libtorch } = options;
  return {
    backend,
    device,
    graphs,
    ...(devices === undefined ? {} : { devices }),
    ...(gpuMemoryLimit === undefined ? {} : { gpuMemoryLimit: gpuMemoryLimit * 1e6 }),
    ...(precision === undefined ? {} : { precision }),
    ...(threads === undefined ? {} : { threads }),
    ...(libtorch === undefined ? {} : { libtorch }),
  };
}

/** A whole number from 1. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1) throw new InvalidArgumentError('Expected a whole number from 1.');
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('The number is too large.');
  return value;
}

/** A list of them: `1,8`. */
export function parseCounts(text: string): number[] {
  return text.split(',').map((item) => parsePositive(item.trim()));
}

function parseNumbers(text: string): number[] {
  const numbers = text.split(',').map(Number);
  if (!/^\d{1,3}(,\d{1,3})*$/.test(text)) throw new InvalidArgumentError('Expected numbers such as 0,1.');
  return numbers;
}

function parseDevice(text: string): string {
  if (!/^(auto|cpu|cuda(:\d{1,3})?)$/.test(text)) throw new InvalidArgumentError('Expected auto, cpu, cuda or cuda:N.');
  return text;
}

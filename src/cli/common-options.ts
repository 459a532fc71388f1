import { type Command, InvalidArgumentError, Option } from 'commander';
import { PRECISIONS, type Precision } from '../config/model-config.js';
import type { LoadOptions } from '../engine/load-options.js';

/** The options that every command which loads a model takes, as Commander parses them. */
export interface CommonOptions {
  readonly backend: 'auto' | 'torch' | 'onnx';
  readonly device: 'auto' | 'cpu' | 'cuda' | `cuda:${number}`;
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
): Pick<LoadOptions, 'backend' | 'device' | 'precision' | 'threads' | 'libtorch'> {
  const { backend, device, precision, threads, libtorch } = options;
  return {
    backend,
    device,
    ...(precision === undefined ? {} : { precision }),
    ...(threads === undefined ? {} : { threads }),
    ...(libtorch === undefined ? {} : { libtorch }),
  };
}

/** A whole number from 1. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || !Number.isSafeInteger(value)) {
    throw new InvalidArgumentError('Expected a whole number from 1.');
  }
  return value;
}

/** A list of them: `1,8`. */
export function parseCounts(text: string): number[] {
  return text.split(',').map((item) => parsePositive(item.trim()));
}

function parseDevice(text: string): string {
  if (!/^(auto|cpu|cuda(:\d{1,3})?)$/.test(text)) throw new InvalidArgumentError('Expected auto, cpu, cuda or cuda:N.');
  return text;
}

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Scouted } from '../benchmark/protocol.js';
import type { SampleInputs } from '../conversion/build.js';
import { InfernodeError } from '../errors.js';
import type { ImageOptions } from '../processing/image-input.js';
import { reportText } from './bench-report.js';
import {
  addModelOptions,
  addOutputOptions,
  type CommonOptions,
  loadOptions,
  parseCounts,
  parsePositive,
} from './common-options.js';
import { addImageOptions } from './image-options.js';
import { untilInterrupted } from './interrupt.js';
import { print, printJson } from './output.js';
import { ProgressBar } from './progress-bar.js';
import { planCalls } from './run-calls.js';
import { readInputs } from './run-inputs.js';

interface BenchFlags extends CommonOptions, ImageOptions {
  readonly input?: string[];
  readonly method?: string;
  readonly batch: number[];
  readonly concurrency: number[];
  readonly against?: 'onnxruntime-node';
  readonly rounds: number;
  readonly seconds: number;
}

/** Adds `infernode bench MODEL`. */
export function addBench(program: Command): void {
  const command = program
    .command('bench <model>')
    .description('measure latency, throughput, start, memory and event-loop delay of a model on this machine')
    .option(
      '-i, --input <[name[:dtype]=]value>',
      'inputs of one call, as run takes them (default: made up from what the model takes)',
      (value: string, previous: string[] = []) => [...previous, value],
    )
    .option('--method <name>', 'the method to call (default: forward)')
    .addOption(new Option('--batch <list>', 'batch sizes').argParser(parseCounts).default([1, 8], '1,8'))
    .addOption(
      new Option('--concurrency <list>', 'numbers of clients at once, with batching on')
        .argParser(parseCounts)
        .default([1, 4], '1,4'),
    )
    .addOption(
      new Option('--against <runtime>', 'measure the same model by this as well, in the same rounds').choices([
        'onnxruntime-node',
      ]),
    )
    .option('--rounds <n>', 'rounds, in which all that is measured takes turns', parsePositive, 5)
    .option('--seconds <s>', 'time for each figure, over all rounds', parseSeconds, 2)
    .action(run);
  addOutputOptions(addModelOptions(addImageOptions(command)));
}

async function run(path: string, flags: BenchFlags): Promise<void> {
  const { benchmark } = await import('../benchmark/benchmark.js');
  const { batch, concurrency, rounds, seconds } = flags;
  const bar = new ProgressBar(process.stderr);
  try {
    const report = await untilInterrupted((signal) =>
      benchmark(path, {
        load: loadOptions(flags),
        ...(flags.method !== undefined && { method: flags.method }),
        inputs: (model) => givenInputs(flags, model),
        batch: [...new Set(batch)],
        concurrency: [...new Set(concurrency)],
        rounds,
        seconds,
        against: flags.against !== undefined,
        signal,
        onProgress: (fraction, what) => bar.show(fraction, what),
      }),
    );
    bar.clear();
    if (flags.json) printJson(report);
    else print(reportText(report, process.stdout.columns));
  } finally {
    bar.clear();
  }
}

async function givenInputs(flags: BenchFlags, { signature, config }: Scouted): Promise<SampleInputs | null> {
  if (flags.input === undefined) return null;
  const [call, ...others] = planCalls(await readInputs(flags.input, signature, flags, config));
  if (others.length === 0) return call!.inputs;
  throw new InfernodeError('INF_OPTION_INVALID', 'Give the inputs of one call; --batch repeats them');
}

function parseSeconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value <= 3600)) {
    throw new InvalidArgumentError('Expected a time in seconds, such as 0.5.');
  }
  return value;
}

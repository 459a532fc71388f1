import { type Command, InvalidArgumentError, Option } from 'commander';
import type { OptimizeOptions } from '../optimize/optimize-options.js';
import type { CandidateResult, OptimizeReport } from '../optimize/optimize-report.js';
import type { ImageOptions } from '../processing/image-input.js';
import { addOutputOptions, parseCounts, parsePositive } from './common-options.js';
import { addImageOptions } from './image-options.js';
import { untilInterrupted } from './interrupt.js';
import { clip, formatBytes, formatMs, print, printJson, table } from './output.js';
import { ProgressBar } from './progress-bar.js';

interface OptimizeFlags extends ImageOptions {
  readonly calibration: string;
  readonly labels?: string;
  readonly maxDrop: number;
  readonly objective: NonNullable<OptimizeOptions['objective']>;
  readonly output: string;
  readonly backend: NonNullable<OptimizeOptions['backend']>;
  readonly threads?: number[];
  readonly calibrationSamples?: number;
  readonly validationSamples?: number;
  readonly libtorch?: string;
  readonly cache: boolean;
  readonly json?: boolean;
}

/** Adds `infernode optimize MODEL`. */
export function addOptimize(program: Command): void {
  const command = program
    .command('optimize <model>')
    .description('find the fastest way to run a model that is still right, and write it as a model folder')
    .requiredOption(
      '--calibration <dir>',
      'samples: pictures, .npy or .json files, or folders with a file for each input',
    )
    .requiredOption('-o, --output <dir>', 'the model folder to write')
    .option('--labels <file>', 'the class of each sample, .csv or .json: accuracy is then top-1, else the cosine')
    .option('--max-drop <share>', 'the most accuracy that may be lost; 0 allows rounding alone', parseShare, 0.01)
    .addOption(
      new Option('--objective <what>', 'what to be best at')
        .choices(['latency', 'throughput', 'memory'])
        .default('latency'),
    )
    .addOption(new Option('--backend <name>', 'runtimes to try').choices(['auto', 'torch', 'onnx']).default('auto'))
    .option('--threads <list>', 'thread counts to try, such as 1,2 (default: 1, all cores but one, all)', parseCounts)
    .option('--calibration-samples <n>', 'the most samples to calibrate on (default: 100)', parsePositive)
    .option('--validation-samples <n>', 'the most samples to validate on (default: 400)', parsePositive)
    .option('--libtorch <dir>', 'folder of libtorch, if not found by itself')
    .option('--no-cache', 'neither use nor keep results of earlier runs')
    .action(run);
  addOutputOptions(addImageOptions(command));
}

async function run(model: string, flags: OptimizeFlags): Promise<void> {
  const { optimize } = await import('../optimize/optimize.js');
  const { json, resize, crop, interpolation, scale, mean, std, layout, color, ...rest } = flags;
  const images = { resize, crop, interpolation, scale, mean, std, layout, color };
  const known = ['calibration', 'output', 'labels', 'maxDrop', 'objective', 'backend', 'threads'] as const;
  const more = ['calibrationSamples', 'validationSamples', 'libtorch', 'cache'] as const;
  const chosen = Object.fromEntries([...known, ...more].map((name) => [name, rest[name]]));
  const bar = new ProgressBar(process.stderr);
  try {
    const report = await untilInterrupted((signal) =>
      optimize(model, {
        ...(chosen as unknown as OptimizeOptions),
        images: Object.fromEntries(Object.entries(images).filter(([, value]) => value !== undefined)),
        signal,
        onProgress: ({ fraction, stage, candidate }) =>
          bar.show(fraction, candidate ? `${stage} ${candidate}` : stage, stage === 'measure'),
      }),
    );
    bar.clear();
    if (json) printJson(report);
    else printReport(report);
  } finally {
    bar.clear();
  }
}

function printReport(report: OptimizeReport): void {
  const { reference, candidates, output, cached, reason, chosen, samples, warnings } = report;
  const heading = [
    'candidate',
    'latency',
    'beside a busy thread',
    'rows/s',
    'memory',
    'file',
    'cosine',
    'SNR dB',
    reference.top1 === null ? 'top-1' : `top-1 of ${reference.labelled}`,
    'verdict',
  ];
  print(table([heading, ...candidates.map(rowOf)], '', [1, 2, 3, 4, 5, 6, 7, 8]));
  const top1 = reference.top1 === null ? '' : `; the float model's top-1 is ${percent(reference.top1)}`;
  print(`\n${samples.calibration.length} samples calibrated, ${samples.validation.length} others validated${top1}`);
  for (const warning of warnings) print(`note: ${warning}`);
  print(`chosen: ${chosen}\nwhy: ${reason}\nwrote ${output}${cached ? ', from the cache of an earlier run' : ''}`);
}

function rowOf({ name, measurement, fileBytes, accuracy, verdict, reason }: CandidateResult): string[] {
  const cells = measurement
    ? [
        formatMs(measurement.latencyMs),
        formatMs(measurement.busyLatencyMs),
        measurement.throughput.toFixed(measurement.throughput < 10 ? 1 : 0),
        formatBytes(measurement.memoryBytes),
      ]
    : ['', '', '', ''];
  return [
    name,
    ...cells,
    fileBytes ? formatBytes(fileBytes) : '',
    accuracy ? accuracy.cosine.toFixed(5) : '',
    accuracy ? (accuracy.snrDb?.toFixed(1) ?? 'equal') : '',
    accuracy?.top1 == null ? '' : percent(accuracy.top1),
    verdict === 'right' || verdict === 'chosen' ? verdict : `${verdict}: ${clip(reason)}`,
  ];
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)}%`;
}

function parseShare(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < 1))
    throw new InvalidArgumentError('Expected a share, such as 0.01.');
  return value;
}

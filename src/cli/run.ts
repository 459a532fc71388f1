import type { Command } from 'commander';
import { methodOf } from '../backends/methods.js';
import type { Model } from '../engine/model.js';
import type { ImageOptions } from '../processing/image-input.js';
import { addModelOptions, addOutputOptions, type CommonOptions, loadOptions, parsePositive } from './common-options.js';
import { addImageOptions } from './image-options.js';
import { printJson } from './output.js';
import { type Answer, planCalls, timedRun } from './run-calls.js';
import { readInputs } from './run-inputs.js';
import { type Report, reportJson, reportText } from './run-report.js';
import { type ScoreOptions, scoring } from './run-scores.js';
import { saveOutputs } from './save-outputs.js';

interface RunOptions extends CommonOptions, ImageOptions, ScoreOptions {
  readonly input?: string[];
  readonly output?: string;
  readonly method?: string;
  readonly repeat: number;
}

/** Adds `infernode run MODEL`. */
export function addRun(program: Command): void {
  const command = program
    .command('run <model>')
    .description('run one inference and print its outputs, or the best classes')
    .option(
      '-i, --input <[name[:dtype]=]value>',
      'a .npy or .json file, a picture, a folder of pictures, or JSON such as sr=16000 or ids:int64=[1,2]; repeat for more inputs, or for a batch',
      (value: string, previous: string[] = []) => [...previous, value],
    )
    .option('-o, --output <dir>', 'write each output to DIR/NAME.npy')
    .option('--top <k>', 'print the K best classes (default: 5 if there are labels)', parsePositive)
    .option('--labels <file>', 'class labels: a .txt file with one a line, or .json')
    .option('--softmax', 'turn scores into probabilities (default: if they are not yet)')
    .option('--no-softmax', 'print scores as they are')
    .option('--method <name>', 'the method to call (default: forward)')
    .option('--repeat <n>', 'run N times and give the median latency', parsePositive, 1)
    .action(run);
  addOutputOptions(addModelOptions(addImageOptions(command)));
}

async function run(path: string, options: RunOptions): Promise<void> {
  // The engine is loaded here, not with the command line: --help answers at once.
  const { load } = await import('../engine/load.js');
  const model = await load(path, loadOptions(options));
  try {
    await runLoaded(model, options);
  } finally {
    await model.close();
  }
}

async function runLoaded(model: Model, options: RunOptions): Promise<void> {
  const { method, signature } = methodOf(model.info, options.method);
  const inputs = await readInputs(options.input ?? [], signature, options, model.config);
  const scores = await scoring(options, model.config);
  const answers: Answer[] = [];
  for (const call of planCalls(inputs)) answers.push(await timedRun(model, method, call, options.repeat));
  const report: Report = {
    model,
    method,
    repeat: options.repeat,
    calls: answers.map((answer) => ({ ...answer, best: scores(answer.outputs) })),
    saved: options.output === undefined ? [] : await saveOutputs(options.output, answers),
  };
  if (options.json) printJson(reportJson(report));
  else reportText(report);
}

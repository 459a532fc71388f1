#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { packageVersion } from '../config/package-root.js';
import { addBench } from './bench.js';
import { addBuild } from './build.js';
import { addDoctor } from './doctor.js';
import { addInspect } from './inspect.js';
import { addOptimize } from './optimize.js';
import { EXIT, reportError } from './report-error.js';
import { addRun } from './run.js';
import { addServe } from './serve.js';

const EXAMPLES = `
Examples:
  infernode run model.onnx --input photo.jpg --resize 256 --crop 224 --labels labels.txt
  infernode run models/resnet50 --input photo.jpg --top 3 --json
  infernode run vad.pt --input x=chunk.npy --input sr=16000 --output out/
  infernode inspect model.pt
  infernode bench models/shapes --batch 1,8 --against onnxruntime-node
  infernode optimize model.pt --calibration photos/ --labels classes.csv -o models/tuned
  infernode serve models/shapes --port 8080
  infernode doctor
  infernode build --libtorch DIR

MODEL is a file (TorchScript, AOTInductor .pt2, ONNX), or a folder with model.json and version folders (1, 2, ...).
Exit codes: 0 ok, 1 failed, 2 bad usage.`;

/** Runs a command line and returns its exit code. */
async function main(args: readonly string[]): Promise<number> {
  try {
    await makeProgram().parseAsync(args, { from: 'user' });
    // A command that printed its answer may still say that it failed, as doctor does.
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.ok;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    // Without a command, the help has been printed.
    if (error instanceof CommanderError && error.code === 'commander.help') return EXIT.usage;
    const options = args.slice(0, args.includes('--') ? args.indexOf('--') : undefined);
    return reportError(error, {
      json: options.includes('--json'),
      verbose: options.includes('--verbose') || Boolean(process.env.INFERNODE_DEBUG),
    });
  }
}

function makeProgram(): Command {
  const program = new Command('infernode')
    .description('PyTorch and ONNX inference for Node.js, without Python')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .addHelpText('after', EXAMPLES)
    // Errors are thrown, and shown by reportError.
    .exitOverride()
    .configureOutput({ outputError: () => {} });
  addRun(program);
  addInspect(program);
  addBench(program);
  addOptimize(program);
  addServe(program);
  addDoctor(program);
  addBuild(program);
  return program;
}

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.ok);
});
process.exitCode = await main(process.argv.slice(2));

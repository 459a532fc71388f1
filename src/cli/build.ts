import type { Command } from 'commander';
import type { BuiltLibrary } from '../backends/torch/build-library.js';
import { addOutputOptions } from './common-options.js';
import { untilInterrupted } from './interrupt.js';
import { print, printJson } from './output.js';

interface BuildCommandOptions {
  readonly json?: boolean;
  readonly libtorch?: string;
  readonly cuda?: string | boolean;
}

/** Adds `infernode build`. */
export function addBuild(program: Command): void {
  const command = program
    .command('build')
    .description('compile the torch backend for a libtorch that the package has no binary for')
    .option('--libtorch <dir>', 'folder of libtorch, if not found by itself')
    .option('--cuda <dir>', 'folder of CUDA, for a libtorch with CUDA, if not found by itself')
    .option('--no-cuda', 'for the CPU alone, though libtorch has CUDA')
    .action(build);
  addOutputOptions(command);
}

async function build({ json = false, libtorch, cuda }: BuildCommandOptions): Promise<void> {
  const { buildLibrary } = await import('../backends/torch/build-library.js');
  const onLine = (line: string) => {
    // On standard error, where it leaves the answer alone.
    if (!json) process.stderr.write(`${line}\n`);
  };
  const built = await untilInterrupted((signal) =>
    buildLibrary({ libtorch, ...(cuda !== true && { cuda }), onLine, signal }),
  );
  if (json) printJson(built);
  else print(`${describe(built)}\n"infernode doctor" shows whether it works`);
}

function describe({ path, version, libtorch, cuda }: BuiltLibrary): string {
  return `built ${path} for libtorch ${version} in ${libtorch}, ${cuda ? 'with CUDA' : 'for the CPU'}`;
}

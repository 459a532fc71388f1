import type { Command } from 'commander';
import { addOutputOptions } from './common-options.js';
import { print, printJson } from './output.js';

interface BuildCommandOptions {
  readonly json?: boolean;
  readonly libtorch?: string;
}

/** Adds `infernode build`. */
export function addBuild(program: Command): void {
  const command = program
    .command('build')
    .description('compile the torch backend for a libtorch that the package has no binary for')
    .option('--libtorch <dir>', 'folder of libtorch, if not found by itself')
    .action(build);
  addOutputOptions(command);
}

async function build({ json = false, libtorch }: BuildCommandOptions): Promise<void> {
  const { buildLibrary } = await import('../backends/torch/build-library.js');
  const onLine = (line: string) => {
    // On standard error, where it leaves the answer alone.
    if (!json) process.stderr.write(`${line}\n`);
  };
  const built = await buildLibrary({ libtorch, onLine });
  if (json) printJson(built);
  else
    print(
      `built ${built.path} for libtorch ${built.version} in ${built.libtorch}\n"infernode doctor" shows whether it works`,
    );
}

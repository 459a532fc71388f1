import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { packageRoot } from '../../config/package-root.js';
import { InfernodeError, messageOf } from '../../errors.js';
import { localBuilds, torchLibraryName, userBuilds } from '../native/addon-folders.js';
import { checkBuildTools, checkHeaders } from './build-tools.js';
import { findLibtorch, type LibtorchPlace } from './find-libtorch.js';
import { minorVersion } from './torch-libraries.js';

/** A torch backend that was compiled here. */
export interface BuiltLibrary {
  readonly path: string;
  /** Folder of the libtorch, and its version. */
  readonly libtorch: string;
  readonly version: string;
}

/** What to compile the torch backend for. */
export interface BuildOptions {
  /** Folder of libtorch; without it the first that is found. */
  readonly libtorch?: string | undefined;
  /** Told every line that cmake and the compiler print. */
  readonly onLine?: (line: string) => void;
}

/**
 * Compiles the torch backend for a libtorch, and puts it where the search for native files looks before the prebuilt ones. It needs a compiler and cmake, but nothing of Node.js: backends know no Node-API.
 *
 * @throws InfernodeError INF_BUILD_FAILED
 */
export async function buildLibrary({ libtorch, onLine = () => {} }: BuildOptions): Promise<BuiltLibrary> {
  const place = await placeToBuildFor(libtorch);
  const home = basename(place.path) === 'lib' ? dirname(place.path) : place.path;
  checkHeaders(home);
  const generator = checkBuildTools();
  const work = await mkdtemp(join(tmpdir(), 'infernode-build-'));
  const log: string[] = [];
  const run = (...args: string[]) => runCmake(args, log, onLine);
  try {
    const source = ['-S', packageRoot, '-B', work, '-G', generator];
    await run(...source, '-DCMAKE_BUILD_TYPE=Release', `-DINFERNODE_LIBTORCH=${home}`);
    await run('--build', work, '--target', 'infernode_torch', '--parallel', String(availableParallelism()));
    const name = torchLibraryName(minorVersion(place.version));
    const path = publish(join(work, 'Release', 'infernode_torch.so'), name);
    await rm(work, { recursive: true, force: true });
    return { path, libtorch: place.path, version: place.version };
  } catch (error) {
    // Only what is worth reading stays.
    await rm(work, { recursive: true, force: true });
    throw withLog(error, log);
  }
}

async function placeToBuildFor(option: string | undefined): Promise<LibtorchPlace & { version: string }> {
  const tried: string[] = [];
  for await (const place of findLibtorch(option)) {
    if (place.lib !== null && place.version !== null) return { ...place, version: place.version };
    tried.push([`${place.path}: ${place.reason}`, place.fix].filter(Boolean).join(', '));
  }
  throw new InfernodeError('INF_BUILD_FAILED', `No libtorch to build for: ${tried.join('; ')}`, { details: { tried } });
}

/** Into the package, or where that is read-only, into the user's cache. By a rename, for a process may have the old file open. */
function publish(built: string, name: string): string {
  const reasons: string[] = [];
  for (const folder of [localBuilds(), userBuilds()]) {
    try {
      mkdirSync(folder, { recursive: true });
      const temporary = join(folder, `.${name}.${process.pid}`);
      copyFileSync(built, temporary);
      renameSync(temporary, join(folder, name));
      return join(folder, name);
    } catch (error) {
      reasons.push(messageOf(error));
    }
  }
  throw new InfernodeError('INF_BUILD_FAILED', `Nowhere to put the torch backend: ${reasons.join('; ')}`);
}

function runCmake(args: readonly string[], log: string[], onLine: (line: string) => void): Promise<void> {
  return new Promise((settle, fail) => {
    const child = spawn('cmake', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log.push(text);
        for (const line of text.split('\n')) if (line.trim()) onLine(line);
      });
    }
    child.on('error', fail);
    child.on('close', (code, signal) => {
      if (code === 0) settle();
      else fail(new Error(`cmake ${signal ? `was ended by ${signal}` : `exited with ${code}`}`));
    });
  });
}

function withLog(error: unknown, log: readonly string[]): InfernodeError {
  if (error instanceof InfernodeError) return error;
  const text = log.join('');
  const path = join(tmpdir(), `infernode-build-${process.pid}.log`);
  let where = '';
  try {
    writeFileSync(path, text);
    where = `; the whole log is ${path}`;
  } catch {}
  const first = text
    .split('\n')
    .find((line) => /error:|CMake Error/i.test(line))
    ?.trim();
  return new InfernodeError(
    'INF_BUILD_FAILED',
    `The torch backend did not compile: ${messageOf(error)}${first ? ` (${first})` : ''}${where}`,
    { cause: error, details: { log: path } },
  );
}

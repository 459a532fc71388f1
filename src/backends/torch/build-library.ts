import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { packageRoot } from '../../config/package-root.js';
import { abortError, InfernodeError, messageOf } from '../../errors.js';
import { localBuilds, torchLibraryName, userBuilds } from '../native/addon-folders.js';
import { checkBuildTools, checkHeaders } from './build-tools.js';
import { endGroup } from './end-group.js';
import { findLibtorch, type LibtorchPlace } from './find-libtorch.js';
import { minorVersion } from './torch-libraries.js';

/** A torch backend that was compiled here. */
export interface BuiltLibrary {
  readonly path: string;
  /** Folder of the libtorch, and its version. */
  readonly libtorch: string;
  readonly version: string;
  readonly cuda: boolean;
}

/** What to compile the torch backend for. */
export interface BuildOptions {
  /** Folder of libtorch; without it the first that is found. */
  readonly libtorch?: string | undefined;
  /** Folder of CUDA, for a libtorch with CUDA, where it is not in a usual place; false builds for the CPU alone. */
  readonly cuda?: string | false | undefined;
  /** Told every line that cmake and the compiler print. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Compiles the torch backend for a libtorch, with CUDA if that has it, and puts it where the search for native files looks
 * before the prebuilt ones. It needs a compiler and cmake, but nothing of Node.js: backends know no Node-API.
 *
 * @throws InfernodeError INF_BUILD_FAILED, INF_ABORTED
 */
export async function buildLibrary(options: BuildOptions): Promise<BuiltLibrary> {
  const { libtorch, onLine = () => {}, signal } = options;
  const place = await placeToBuildFor(libtorch);
  const home = basename(place.path) === 'lib' ? dirname(place.path) : place.path;
  checkHeaders(home);
  const cuda = options.cuda !== false && existsSync(join(home, 'lib', 'libtorch_cuda.so'));
  if (options.cuda && !cuda) throw new InfernodeError('INF_BUILD_FAILED', `${home} is a libtorch for the CPU`);
  const generator = checkBuildTools();
  const work = await mkdtemp(join(tmpdir(), 'infernode-build-'));
  const log: string[] = [];
  const run = (...args: string[]) => runCmake(args, { log, onLine, signal });
  try {
    const source = ['-S', packageRoot, '-B', work, '-G', generator, '-DCMAKE_BUILD_TYPE=Release'];
    const cudaHome = options.cuda ? [`-DINFERNODE_CUDA_HOME=${resolve(options.cuda)}`] : [];
    await run(...source, `-DINFERNODE_LIBTORCH=${home}`, `-DINFERNODE_CUDA=${cuda ? 'ON' : 'OFF'}`, ...cudaHome);
    await run('--build', work, '--target', 'infernode_torch', '--parallel', String(availableParallelism()));
    const name = torchLibraryName(minorVersion(place.version));
    const path = publish(join(work, 'Release', 'infernode_torch.so'), name);
    return { path, libtorch: place.path, version: place.version, cuda };
  } catch (error) {
    throw signal?.aborted ? abortError(signal, 'The build') : withLog(error, log);
  } finally {
    await rm(work, { recursive: true, force: true });
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

interface CmakeRun {
  readonly log: string[];
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal | undefined;
}

function runCmake(args: readonly string[], { log, onLine, signal }: CmakeRun): Promise<void> {
  return new Promise((settle, fail) => {
    // In a group of its own, so that what cmake starts can be ended with it.
    const child = spawn('cmake', args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const stop = () => endGroup(child, 'SIGTERM');
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log.push(text);
        for (const line of text.split('\n')) if (line.trim()) onLine(line);
      });
    }
    child.on('error', fail);
    child.on('close', (code, endedBy) => {
      signal?.removeEventListener('abort', stop);
      if (code === 0) settle();
      else fail(new Error(`cmake ${endedBy ? `was ended by ${endedBy}` : `exited with ${code}`}`));
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
  const first = /CMake Error.*:\n\s+(.+(?:\n +.+)*)/.exec(text)?.[1] ?? /.*error:.*/i.exec(text)?.[0];
  return new InfernodeError(
    'INF_BUILD_FAILED',
    `The torch backend did not compile: ${messageOf(error)}${first ? ` (${first.trim().replace(/\s+/g, ' ')})` : ''}${where}`,
    { cause: error, details: { log: path } },
  );
}

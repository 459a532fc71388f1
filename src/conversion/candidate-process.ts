import { type ChildProcess, fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Outputs } from '../backends/backend.js';
import { makeScratchFolder } from '../config/scratch-folder.js';
import { InfernodeError } from '../errors.js';
import { Tensor } from '../tensor/tensor.js';
import type { Build, SampleInputs } from './build.js';
import type { CandidateFile, ConversionReport, Reply, Request } from './candidate-protocol.js';
import type { Measurement } from './measure.js';

const child = fileURLToPath(new URL('./candidate-child.js', import.meta.url));

/** The last words of a process that crashed. */
const STDERR_BYTES = 2000;

/** A child process with one candidate in it. Ends with its parent, however that ends. */
export class CandidateProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  #stderr = '';
  #waiting: { resolve: (value: unknown) => void; reject: (error: unknown) => void } | undefined;
  #ended: InfernodeError | undefined;

  constructor() {
    // A process that is killed leaves its temporary files behind.
    const scratch = makeScratchFolder();
    this.#child = fork(child, {
      env: { ...process.env, TMPDIR: scratch },
      serialization: 'advanced',
      // The user's flags, such as loaders, are for the user's code.
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-STDERR_BYTES);
    });
    this.#child.on('message', (reply: Reply) => {
      const waiting = this.#waiting;
      this.#waiting = undefined;
      if (reply.ok) waiting?.resolve(reply.value);
      else waiting?.reject(new InfernodeError(reply.code, reply.message));
    });
    this.#exited = new Promise((resolve) => {
      const end = (how: string) => {
        this.#ended ??= this.#crash(how);
        this.#waiting?.reject(this.#ended);
        this.#waiting = undefined;
        rmSync(scratch, { recursive: true, force: true });
        resolve();
      };
      this.#child.on('error', (error) => end(error.message));
      this.#child.on('close', (code, signal) => end(signal ? `signal ${signal}` : `exit code ${code}`));
    });
  }

  load(candidate: CandidateFile): Promise<{ readonly loadMs: number }> {
    return this.#ask({ type: 'load', candidate });
  }

  async run(inputs: SampleInputs): Promise<Outputs> {
    const outputs = await this.#ask<Outputs>({ type: 'run', inputs });
    const entries = Object.entries(outputs).map(([name, { dtype, data, shape }]) => [
      name,
      new Tensor(dtype, data as never, shape),
    ]);
    return Object.fromEntries(entries) as Outputs;
  }

  measure(one: SampleInputs, batch: SampleInputs | null): Promise<Measurement> {
    return this.#ask({ type: 'measure', one, batch });
  }

  /** The median of calls for so long, in milliseconds; `busy` is beside a thread that never rests. */
  latency(inputs: SampleInputs, milliseconds: number, busy = false): Promise<number> {
    return this.#ask({ type: 'latency', inputs, milliseconds, busy });
  }

  layers(build: Build, libtorch: string | undefined): Promise<readonly string[]> {
    return this.#ask({ type: 'layers', build, libtorch });
  }

  /** @param onSample is told how many samples have been seen */
  async convert(
    build: Build,
    target: string,
    samples: readonly SampleInputs[],
    libtorch: string | undefined,
    onSample: (count: number) => void = () => {},
  ): Promise<ConversionReport> {
    await this.#ask({ type: 'convert', build, target, libtorch });
    for (const [index, inputs] of samples.entries()) {
      await this.#ask({ type: 'sample', inputs });
      onSample(index + 1);
    }
    return this.#ask({ type: 'finish' });
  }

  /** Ends the process; what it was asked fails. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  #ask<T>(request: Request): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      this.#waiting = { resolve: resolve as (value: unknown) => void, reject };
      this.#child.send(request, (error) => {
        if (error !== null) reject(this.#ended ?? this.#crash(error.message));
      });
    });
  }

  #crash(how: string): InfernodeError {
    const words = this.#stderr.trim().split('\n').at(-1) ?? '';
    return new InfernodeError(
      'INF_BACKEND_CRASHED',
      `The process of the candidate ended: ${how}${words && `: ${words}`}`,
    );
  }
}

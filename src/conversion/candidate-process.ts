import type { Outputs } from '../backends/backend.js';
import { moduleUrl } from '../config/package-root.js';
import { Tensor } from '../tensor/tensor.js';
import { AskedProcess } from './asked-process.js';
import type { Build, SampleInputs } from './build.js';
import type { CandidateFile, ConversionReport, Request } from './candidate-protocol.js';
import type { Measurement } from './measure.js';

/** A child process with one candidate in it. Ends with its parent, however that ends. */
export class CandidateProcess {
  readonly #process = new AskedProcess<Request>(moduleUrl('conversion/candidate-child.js'), 'candidate');

  load(candidate: CandidateFile): Promise<{ readonly loadMs: number }> {
    return this.#process.ask({ type: 'load', candidate });
  }

  async run(inputs: SampleInputs): Promise<Outputs> {
    const outputs = await this.#process.ask<Outputs>({ type: 'run', inputs });
    const entries = Object.entries(outputs).map(([name, { dtype, data, shape }]) => [
      name,
      new Tensor(dtype, data as never, shape),
    ]);
    return Object.fromEntries(entries) as Outputs;
  }

  measure(one: SampleInputs, batch: SampleInputs | null): Promise<Measurement> {
    return this.#process.ask({ type: 'measure', one, batch });
  }

  /** The median of calls for so long, in milliseconds; `busy` is beside a thread that never rests. */
  latency(inputs: SampleInputs, milliseconds: number, busy = false): Promise<number> {
    return this.#process.ask({ type: 'latency', inputs, milliseconds, busy });
  }

  layers(build: Build, libtorch: string | undefined): Promise<readonly string[]> {
    return this.#process.ask({ type: 'layers', build, libtorch });
  }

  /** @param onSample is told how many samples have been seen */
  async convert(
    build: Build,
    target: string,
    samples: readonly SampleInputs[],
    libtorch: string | undefined,
    onSample: (count: number) => void = () => {},
  ): Promise<ConversionReport> {
    await this.#process.ask({ type: 'convert', build, target, libtorch });
    for (const [index, inputs] of samples.entries()) {
      await this.#process.ask({ type: 'sample', inputs });
      onSample(index + 1);
    }
    return this.#process.ask({ type: 'finish' });
  }

  /** Ends the process; what it was asked fails. */
  async end(): Promise<void> {
    await this.#process.end();
  }
}

import { rm } from 'node:fs/promises';
import { Contestants } from '#src/benchmark/contestant';
import { countOperations } from '#src/benchmark/count-operations';
import { type Peak, Peaks } from '#src/benchmark/peaks';
import { makeScratchFolder } from '#src/config/scratch-folder';
import type { BenchModel } from '../models/catalogue.js';

/** What this machine can do at most: the best products and convolutions, timed in the rounds of the models. */
export class Limits {
  private constructor(
    private readonly processes: Contestants,
    private readonly scratch: string,
    private readonly peaks: Peaks,
  ) {}

  static async open(threads: number): Promise<Limits> {
    const processes = new Contestants(undefined);
    const scratch = makeScratchFolder();
    return new Limits(processes, scratch, await Peaks.open(processes, scratch, { threads }));
  }

  round(milliseconds: number): Promise<void> {
    return this.peaks.time(milliseconds);
  }

  get results(): Peak[] {
    return this.peaks.results;
  }

  /** Billions of operations that one sample takes; null where they cannot be counted. */
  async operationsOf(model: BenchModel, onnx: string): Promise<number | null> {
    const count = (process: Parameters<typeof countOperations>[3]) =>
      countOperations(onnx, [model.inputs(1)], this.scratch, process);
    const { operations } = await this.processes.with(count);
    return operations === null ? null : operations[0]! / 1e9;
  }

  async end(): Promise<void> {
    await this.processes.end();
    await rm(this.scratch, { recursive: true, force: true });
  }
}

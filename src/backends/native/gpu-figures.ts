import { messageOf } from '../../errors.js';
import { coreAddon } from './core-addon.js';

/** What the driver tells of one GPU, whoever uses it; what it does not tell is left out. */
export interface GpuFigures {
  readonly index: number;
  readonly name?: string;
  readonly uuid?: string;
  /** Share of the time in which it computed, and in which its memory was read or written; from 0 to 1. */
  readonly utilization?: number;
  readonly memoryUtilization?: number;
  readonly memoryUsedBytes?: number;
  readonly memoryTotalBytes?: number;
  readonly temperatureC?: number;
  readonly powerW?: number;
}

/** The GPUs of this machine, and why there are none. */
export interface GpuReport {
  readonly gpus: readonly GpuFigures[];
  readonly unavailable?: string;
}

let query: Promise<(() => Promise<string>) | string> | undefined;

/** Asks NVIDIA's management library, off the event loop. Never throws. */
export async function gpuFigures(): Promise<GpuReport> {
  query ??= findQuery();
  const ask = await query;
  if (typeof ask === 'string') return { gpus: [], unavailable: ask };
  try {
    return JSON.parse(await ask()) as GpuReport;
  } catch (error) {
    return { gpus: [], unavailable: messageOf(error) };
  }
}

/** The function, or why there is none. */
async function findQuery(): Promise<(() => Promise<string>) | string> {
  const addon = await coreAddon();
  return typeof addon === 'string' ? addon : addon.gpuFigures;
}

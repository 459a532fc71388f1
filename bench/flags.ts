import { parseArgs } from 'node:util';
import { MODELS } from './models/catalogue.js';
import { type BenchPlan, PLANS } from './plan.js';

const USAGE = 'usage: npm run bench[:full] -- [--smoke] [--models A,B] [--prepare] [--resume] [--out FILE]';

/** How the benchmarks were started. */
export interface BenchFlags {
  readonly mode: BenchPlan['mode'];
  /** The models to measure; undefined for all of the mode. */
  readonly models: readonly string[] | undefined;
  readonly prepare: boolean;
  readonly resume: boolean;
  readonly out: string | undefined;
}

/** Ends the process with what is wrong, where something is. */
export function benchFlags(): BenchFlags {
  try {
    return parseFlags(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

/** @throws an error that says what is wrong */
export function parseFlags(args: readonly string[]): BenchFlags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      mode: { type: 'string', default: 'quick' },
      smoke: { type: 'boolean', default: false },
      prepare: { type: 'boolean', default: false },
      resume: { type: 'boolean', default: false },
      models: { type: 'string' },
      out: { type: 'string' },
    },
  });
  const { prepare, resume, out } = values;
  const mode = values.smoke ? 'smoke' : values.mode;
  if (!Object.hasOwn(PLANS, mode)) throw new Error(`--mode is ${Object.keys(PLANS).join(', ')}, not ${mode}`);
  const models = values.models?.split(',');
  const unknown = models?.find((model) => MODELS.every(({ name }) => name !== model));
  if (unknown !== undefined) {
    throw new Error(`--models is some of ${MODELS.map(({ name }) => name).join(',')}, and not ${unknown}`);
  }
  return { mode: mode as BenchPlan['mode'], models, prepare, resume, out };
}

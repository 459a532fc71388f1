import type { BenchModel } from '../models/catalogue.js';
import { PYTHON_ENV } from '../models/python.js';
import type { BenchPlan } from '../plan.js';
import type { ContestantResult } from '../results/result.js';
import type { Agreement } from './agree.js';
import { asAbsent } from './as-absent.js';
import { type ContestantSpec, classOf, commandOf } from './catalogue.js';
import { LineProcess } from './line-process.js';
import { Absent, type Ask, type Replies } from './protocol.js';

/** Who takes part with a model: an open process, or the reason why there is none. */
export interface Contestant {
  readonly spec: ContestantSpec;
  readonly process: LineProcess<Ask, Replies> | null;
  /** Calls in flight at once that give the most throughput. */
  readonly inFlight: number;
  readonly result: Omit<ContestantResult, 'agreement'>;
}

/**
 * Starts the process of a contestant and loads the model. One that fails is absent, or ends the run, as `asAbsent` says.
 *
 * @param file what it loads, or why it cannot take part
 */
export async function openContestant(
  spec: ContestantSpec,
  model: BenchModel,
  file: string | Absent,
  threads: number,
  inputs: readonly Readonly<Record<string, string>>[],
  mode: BenchPlan['mode'],
): Promise<Contestant> {
  const { name, isOurs, precision, computesIn } = spec;
  const facts = { name, isOurs, precision, computesIn, model: model.name };
  const absent = (why: Absent): Contestant => ({
    spec,
    process: null,
    inFlight: 1,
    result: { ...facts, versions: {}, settings: '', absent: why.message },
  });
  if (file instanceof Absent) return absent(file);
  let child: LineProcess<Ask, Replies> | undefined;
  try {
    child = new LineProcess(commandOf(spec), { ...PYTHON_ENV, OMP_NUM_THREADS: String(threads) });
    const { inFlight = 1, ...opened } = await child.ask({ ask: 'open', model: file, threads, inputs });
    const result = { ...facts, ...opened, precision: classOf(precision, opened.computesIn), absent: null };
    return { spec, process: child, inFlight, result };
  } catch (error) {
    await child?.end();
    if (error instanceof Absent) return absent(error);
    const failure = new Error(`${name}, ${model.name}: ${(error as Error).message}`, { cause: error });
    return absent(asAbsent(failure, spec, mode));
  }
}

export function withAgreement({ result }: Contestant, agreement: Agreement | null): ContestantResult {
  return { ...result, agreement };
}

import type { BenchPlan } from '../plan.js';
import { Absent } from './protocol.js';

/** What is shown of a long message. */
const MOST_CHARACTERS = 200;
const EXCEPTION = /^[\w.]*(Error|Exception)\b/;

/**
 * Why somebody who failed is absent.
 *
 * @throws the failure itself of whoever has to take part: ours, and in the smoke mode all, for it is there to find failures
 */
export function asAbsent(failure: unknown, { isOurs }: { readonly isOurs: boolean }, mode: BenchPlan['mode']): Absent {
  if (failure instanceof Absent) return failure;
  if (isOurs || mode === 'smoke') throw failure;
  // Of a trace in Python, the last line that names an exception says what happened; advice may follow it.
  const lines = (failure as Error).message.trim().split('\n');
  const what = lines.findLast((line) => EXCEPTION.test(line)) ?? lines.at(-1)!;
  return new Absent(`it failed: ${what.slice(0, MOST_CHARACTERS)}`);
}

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { secondsSince } from './progress.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** This machine lacks something that a step needs; the message says what, and what to do about it. */
export class Unavailable extends Error {}

/**
 * One part of setup. It may run any number of times: it looks first whether there is anything to do.
 *
 * @typedef {object} Step
 * @property {string} name
 * @property {string | null} without what still works if it fails; null where nothing does, and setup ends
 * @property {() => Promise<{ fresh: boolean, text: string }>} run `fresh` if there was nothing to do
 */

/**
 * @typedef {object} Outcome
 * @property {string} name
 * @property {'fresh' | 'done' | 'unavailable' | 'failed'} state
 * @property {string} text one line
 * @property {string} output the end of what a failed command printed
 */

/**
 * Runs steps in order and prints one line for each. Ends after the first one that failed and that nothing works without.
 *
 * @param {readonly Step[]} steps
 * @returns {Promise<{ ok: boolean, outcomes: Outcome[] }>}
 */
export async function runSteps(steps) {
  const outcomes = [];
  for (const step of steps) {
    const started = performance.now();
    const outcome = await runStep(step);
    outcomes.push(outcome);
    const { name, state, text, output } = outcome;
    const label = name.padEnd(9);
    if (state === 'fresh') console.log(`${label} ${text}`);
    else if (state === 'done') console.log(`${label} ${text}, ${secondsSince(started)}`);
    else if (step.without) console.log(`${label} ${state}: ${text}${logged(outcome)} (${step.without} without it)`);
    else {
      console.log(`${output}\n${label} ${state}: ${text}`.trim());
      return { ok: false, outcomes };
    }
  }
  return { ok: true, outcomes };
}

/**
 * Keeps what a failed command printed.
 *
 * @param {Outcome} outcome
 * @returns {string} where to read it
 */
function logged({ name, output }) {
  if (!output) return '';
  const log = join('.build', 'logs', `${name}.log`);
  mkdirSync(join(ROOT, '.build', 'logs'), { recursive: true });
  writeFileSync(join(ROOT, log), output);
  return `, see ${log}`;
}

/**
 * @param {Step} step
 * @returns {Promise<Outcome>}
 */
async function runStep({ name, run }) {
  try {
    const { fresh, text } = await run();
    return { name, state: fresh ? 'fresh' : 'done', text, output: '' };
  } catch (error) {
    const { message, output } = /** @type {import('./run-command.mjs').CommandError} */ (error);
    return {
      name,
      state: error instanceof Unavailable ? 'unavailable' : 'failed',
      text: message,
      output: output ?? '',
    };
  }
}

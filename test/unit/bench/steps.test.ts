import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Contestant } from '../../../bench/contestants/contestant.js';
import type { Ask } from '../../../bench/contestants/protocol.js';
import { PLANS } from '../../../bench/plan.js';
import { measureRounds } from '../../../bench/scenarios/rounds.js';
import { stepsOf } from '../../../bench/scenarios/steps.js';

const plan = { ...PLANS.quick, batches: [], offline: [8], asleep: false, leastCalls: 3, mostRoundMs: 10_000 };

/** A contestant that takes two calls a turn, of 2 ms and 4 ms. */
function contestant(name: string, inFlight: number, asked: string[]): Contestant {
  const ask = async ({ ask, ...rest }: Ask) => {
    asked.push(`${name} ${ask} ${(rest as { input: number }).input}`);
    if (ask === 'calls') return { durations: [2, 4] };
    if (ask === 'offline') return { calls: 4, elapsedMs: 8 };
    return { p50: 0, p99: 1, max: 2 };
  };
  return {
    spec: { name, runsIn: 'node' },
    process: { ask },
    inFlight,
    result: { name, model: 'net', precision: 'fp32' },
  } as unknown as Contestant;
}

async function measure(inFlight: number, change: Partial<typeof plan>) {
  const asked: string[] = [];
  const steps = stepsOf([1, 8], { ...plan, ...change }, null);
  const one = { first: 0, least: 1, most: 1, forMs: 0, eachRound: async () => {} };
  const found = await measureRounds([contestant('a', inFlight, asked)], steps, one);
  const figures = found.map(({ scenario, at, rounds, calls }) => [scenario, at, rounds[0], calls]);
  return { asked, figures };
}

test('turns go on until there are enough calls, within their time', async () => {
  const { asked } = await measure(1, { roundMs: 30 });
  // Turns that take no time at all: two of them have three calls.
  assert.equal(asked.filter((each) => each === 'a calls 0').length >= 2, true);
  const { asked: few } = await measure(1, { roundMs: 20, mostRoundMs: 20 });
  assert.deepEqual(few, ['a calls 0', 'a calls 1', 'a loop 0']);
});

test('percentiles are of all turns, and Offline is the same calls where one is in flight', async () => {
  const { figures } = await measure(1, { roundMs: 20, mostRoundMs: 20 });
  assert.deepEqual(figures, [
    ['Batch', 1, 1000 / 3, 2],
    ['SingleStream', null, 4, 2],
    ['Batch', 8, 8000 / 3, 2],
    ['MultiStream', null, 4, 2],
    ['Offline', 8, 16_000 / 6, 2],
    ['EventLoop', null, 1, 1],
  ]);
});

test('Offline is measured by itself where several are in flight', async () => {
  const { asked, figures } = await measure(2, { roundMs: 20, mostRoundMs: 20 });
  assert.deepEqual(asked, ['a calls 0', 'a calls 1', 'a offline 1', 'a loop 0']);
  assert.deepEqual(figures[4], ['Offline', 8, 4000, 4]);
});

test('it is known which scenarios a step decides, of whom', () => {
  const decides = (inFlight: number) =>
    stepsOf([1, 4, 8], plan, null).map((step) => step.decides(contestant('a', inFlight, [])));
  assert.deepEqual(decides(1), [['SingleStream'], [], ['MultiStream', 'Offline'], ['Offline'], [], []]);
  assert.deepEqual(decides(2), [['SingleStream'], [], ['MultiStream'], ['Offline'], [], []]);
});

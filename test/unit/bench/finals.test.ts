import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Measured } from '../../../bench/results/result.js';
import { finalsOf, measureHeatsAndFinals } from '../../../bench/scenarios/finals.js';
import { inOneTurn, type Step } from '../../../bench/scenarios/rounds.js';
import type { Scenario } from '../../../bench/scenarios/scenario.js';
import { measured } from './result.js';

const own = new Set(['a', 'b', 'tuned']);
const heats = { least: 2, most: 2, forMs: 0 };

test('finalists are the best of each side, and who is near to it', () => {
  const finals = finalsOf(
    [
      measured('SingleStream', 'a', [10, 11, 10]),
      measured('SingleStream', 'b', [12, 12, 12]),
      measured('SingleStream', 'x', [21, 21, 21]),
      measured('SingleStream', 'y', [20, 20, 20]),
      measured('SingleStream', 'z', [20.5, 20.5, 20.5]),
      measured('Offline', 'a', [100], { at: 8 }),
      measured('Offline', 'x', [89], { at: 8 }),
      measured('Offline', 'y', [91], { at: 8 }),
      // No other to compare them with.
      measured('SingleStream', 'tuned', [5], { precision: 'reduced' }),
      measured('Batch', 'a', [1], { at: 4 }),
      measured('Batch', 'x', [1], { at: 4 }),
    ],
    own,
  );
  assert.deepEqual(
    finals.map(({ scenario, names }) => [scenario, [...names]]),
    [
      ['SingleStream', ['a', 'y', 'z']],
      ['Offline', ['a', 'y', 'x']],
    ],
  );
});

test('of quick calls more of them may turn out to be the best', () => {
  const [final] = finalsOf(
    [
      measured('SingleStream', 'a', [0.05]),
      measured('SingleStream', 'b', [0.06]),
      measured('SingleStream', 'tuned', [0.062]),
      measured('SingleStream', 'x', [0.02]),
      measured('SingleStream', 'y', [0.026]),
    ],
    own,
  );
  assert.deepEqual([...final!.names], ['a', 'b', 'tuned', 'x']);
});

test('a ratio is decided once its rounds are alike', () => {
  const isDecided = (ours: number[], others: number[]) =>
    finalsOf([measured('Server', 'a', ours), measured('Server', 'x', others)], own)[0]!.isDecided;
  assert.ok(isDecided([10, 11, 10.5], [10, 11, 11]));
  assert.ok(!isDecided([10, 11, 14], [10, 11, 10]));
});

test('rounds go on for what is not decided, with finalists only', async () => {
  const contestants = ['a', 'b', 'x', 'y'].map((name) => ({
    result: { name, model: 'net', precision: 'fp32' as const },
  }));
  // SingleStream is the same in each round; x varies in Offline.
  const values: Record<string, (round: number) => number> = {
    SingleStream: () => 10,
    Offline: (round) => [10, 20, 5][round % 3]!,
  };
  const asked: string[] = [];
  const step = (scenario: Scenario): Step<(typeof contestants)[number]> => {
    let calls = 0;
    return {
      decides: () => [scenario],
      begin: ({ result: { name } }) =>
        inOneTurn(async () => {
          asked.push(`${scenario} ${name}`);
          return [{ scenario, at: null, value: name === 'x' ? values[scenario]!(calls++) : 10, calls: 1 }];
        }),
    };
  };
  const earlier = ['a', 'b', 'x', 'y'].flatMap((name, index) => [
    measured('SingleStream', name, [10 + 5 * (index % 2)]),
    measured('Offline', name, [name === 'a' || name === 'x' ? 10 : 5]),
  ]);
  const found = await measureHeatsAndFinals(contestants, [step('SingleStream'), step('Offline')], {
    heats,
    finals: { least: 2, most: 5, forMs: 3_600_000 },
    own,
    earlier,
    eachRound: async () => {},
    heatsCount: true,
  });
  const count = (what: string) => asked.filter((each) => each === what).length;
  assert.deepEqual(
    ['SingleStream a', 'SingleStream b', 'Offline a', 'Offline x', 'Offline y'].map(count),
    [2, 0, 5, 5, 0],
  );
  // Earlier rounds are not measured again, and keep their numbers.
  const offline = found.find(({ scenario, contestant }) => scenario === 'Offline' && contestant === 'a');
  assert.deepEqual(offline!.rounds, [null, 10, 10, 10, 10, 10]);
});

test('where heats do not count, whoever was half as good in them takes part until finals tell', async () => {
  const contestants = ['a', 'b', 'x', 'y', 'z'].map((name) => ({
    result: { name, model: 'net', precision: 'fp32' as const },
  }));
  // In the finals x varies, so that nothing is decided.
  const inHeats: Record<string, number> = { a: 10, b: 6, x: 10, y: 4, z: 3 };
  const inFinals: Record<string, readonly number[]> = { a: [14, 14], b: [20, 20], x: [2, 4], y: [9, 9], z: [9, 9] };
  let round = 0;
  const step: Step<(typeof contestants)[number]> = {
    decides: () => ['Server'],
    begin: ({ result: { name } }) =>
      inOneTurn(async () => {
        const value = round === 0 ? inHeats[name]! : inFinals[name]![round % 2]!;
        return [{ scenario: 'Server', at: null, value, calls: 1 }];
      }),
  };
  const found = await measureHeatsAndFinals(contestants, [step], {
    heats: { least: 1, most: 1, forMs: 0 },
    finals: { least: 2, most: 4, forMs: 3_600_000 },
    own,
    earlier: [],
    eachRound: async (number) => {
      round = number;
    },
    heatsCount: false,
  });
  const rounds = (name: string) => found.find(({ contestant }) => contestant === name)!.rounds;
  assert.deepEqual(rounds('a'), [null, 14, 14]);
  assert.deepEqual(rounds('b'), [null, 20, 20, 20, 20]);
  assert.deepEqual(rounds('x'), [null, 4, 2, 4, 2]);
  assert.deepEqual(['y', 'z'].map(rounds), [[4], [3]]);
});

test('where all is decided, no more rounds are measured than the least', async () => {
  const contestants = ['a', 'x'].map((name) => ({ result: { name, model: 'net', precision: 'fp32' as const } }));
  const step: Step<(typeof contestants)[number]> = {
    decides: () => ['Server'],
    begin: () => inOneTurn(async () => [{ scenario: 'Server', at: null, value: 1, calls: 1 }]),
  };
  const earlier = [measured('Server', 'a', [1]), measured('Server', 'x', [1])];
  const finals = { least: 3, most: 9, forMs: 3_600_000 };
  const measure = (earlier: readonly Measured[], heatsCount = true) =>
    measureHeatsAndFinals(contestants, [step], { heats, finals, own, earlier, eachRound: async () => {}, heatsCount });
  assert.deepEqual((await measure(earlier))[0]!.rounds, [null, 1, 1, 1]);
  // Without earlier rounds, heats come first.
  assert.deepEqual((await measure([]))[0]!.rounds, [1, 1, 1, 1, 1]);
  assert.deepEqual((await measure([], false))[0]!.rounds, [null, null, 1, 1, 1]);
  // What is of an earlier sitting counts, and is not measured again.
  const varied = [measured('Server', 'a', [null, 1, 2]), measured('Server', 'x', [null, 1, 1])];
  assert.deepEqual((await measure(varied, false))[0]!.rounds, [null, null, null, ...new Array(9).fill(1)]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinRounds, measureRounds } from '../../../bench/scenarios/rounds.js';

test('contestants take turns, and each round begins with another one', async () => {
  const contestants = ['a', 'b', 'c'].map((name) => ({ result: { name, model: 'net', precision: 'fp32' as const } }));
  const asked: string[] = [];
  const measure =
    (at: number) =>
    async ({ result }: (typeof contestants)[number]) => {
      asked.push(`${result.name}${at}`);
      return [{ scenario: 'Batch', at, value: asked.length, calls: 2 } as const];
    };
  const found = await measureRounds(
    contestants,
    [{ measure: measure(1) }, { applies: ({ result }) => result.name === 'b', measure: measure(8) }],
    { first: 0, count: 2 },
    async (round) => void asked.push(`round ${round}`),
  );
  assert.deepEqual(asked, ['round 0', 'a1', 'b1', 'c1', 'b8', 'round 1', 'b1', 'c1', 'a1', 'b8']);
  assert.deepEqual(
    found.map(({ contestant, at, rounds, calls }) => [contestant, at, rounds, calls]),
    [
      ['a', 1, [2, 9], 4],
      ['b', 1, [3, 7], 4],
      ['c', 1, [4, 8], 4],
      ['b', 8, [5, 10], 4],
    ],
  );
});

test('rounds of a later sitting go behind those of an earlier one, and begin with another contestant', async () => {
  const contestants = ['a', 'b'].map((name) => ({ result: { name, model: 'net', precision: 'fp32' as const } }));
  let time = 0;
  const step = { measure: async () => [{ scenario: 'Batch', at: 1, value: ++time, calls: 2 } as const] };
  const sit = (first: number) => measureRounds(contestants, [step], { first, count: 1 }, async () => {});
  const found = joinRounds(await sit(0), await sit(1));
  assert.deepEqual(
    found.map(({ contestant, rounds, calls }) => [contestant, rounds, calls]),
    [
      ['a', [1, 4], 4],
      ['b', [2, 3], 4],
    ],
  );
});

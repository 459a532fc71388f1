import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inOneTurn, joinRounds, measureRounds } from '../../../bench/scenarios/rounds.js';

const decides = () => [];
const rounds = (first: number, count: number) => ({
  first,
  least: count,
  most: count,
  forMs: 0,
  eachRound: async () => {},
});

test('contestants take turns, and each round begins with another one', async () => {
  const contestants = ['a', 'b', 'c'].map((name) => ({ result: { name, model: 'net', precision: 'fp32' as const } }));
  const asked: string[] = [];
  const measure =
    (at: number) =>
    ({ result }: (typeof contestants)[number]) =>
      inOneTurn(async () => {
        asked.push(`${result.name}${at}`);
        return [{ scenario: 'Batch', at, value: asked.length, calls: 2 }];
      });
  const found = await measureRounds(
    contestants,
    [
      { decides, begin: measure(1) },
      { applies: ({ result }) => result.name === 'b', decides, begin: measure(8) },
    ],
    { ...rounds(0, 2), eachRound: async (round) => void asked.push(`round ${round}`) },
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

test('rounds of a later sitting join those of an earlier one, and begin with another contestant', async () => {
  const contestants = ['a', 'b'].map((name) => ({ result: { name, model: 'net', precision: 'fp32' as const } }));
  let time = 0;
  const step = { decides, begin: () => inOneTurn(async () => [{ scenario: 'Batch', at: 1, value: ++time, calls: 2 }]) };
  const sit = (first: number) => measureRounds(contestants, [step], rounds(first, 1));
  const found = joinRounds(await sit(0), await sit(1));
  assert.deepEqual(
    found.map(({ contestant, rounds, calls }) => [contestant, rounds, calls]),
    [
      ['a', [1, 4], 4],
      ['b', [2, 3], 4],
    ],
  );
});

test('turns of a step alternate until each contestant has had enough', async () => {
  const wanted = { a: 3, b: 1, c: 2 };
  const contestants = (['a', 'b', 'c'] as const).map((name) => ({
    result: { name, model: 'net', precision: 'fp32' as const },
  }));
  const asked: string[] = [];
  const begin = ({ result: { name } }: (typeof contestants)[number]) => {
    let taken = 0;
    return {
      async take() {
        asked.push(name);
        return ++taken < wanted[name];
      },
      figures: () => [{ scenario: 'Batch', at: 1, value: taken, calls: taken } as const],
    };
  };
  const found = await measureRounds(contestants, [{ decides, begin }], rounds(1, 1));
  assert.equal(asked.join(''), 'bcacaa');
  assert.deepEqual(
    found.map(({ contestant, rounds }) => [contestant, rounds]),
    [
      ['b', [null, 1]],
      ['c', [null, 2]],
      ['a', [null, 3]],
    ],
  );
});

test('no further round is begun that would not end in time', async () => {
  const contestants = [{ result: { name: 'a', model: 'net', precision: 'fp32' as const } }];
  const step = { decides, begin: () => inOneTurn(async () => [{ scenario: 'Batch', at: 1, value: 1, calls: 1 }]) };
  const measure = async (forMs: number) => {
    const found = await measureRounds(contestants, [step], { ...rounds(0, 5), least: 2, forMs });
    return found[0]!.rounds.length;
  };
  assert.equal(await measure(0), 2);
  assert.equal(await measure(3_600_000), 5);
});

test('who takes part is asked before each round', async () => {
  const contestants = ['a', 'b'].map((name) => ({ result: { name, model: 'net', precision: 'fp32' as const } }));
  const step = { decides, begin: () => inOneTurn(async () => [{ scenario: 'Batch', at: 1, value: 1, calls: 1 }]) };
  const found = await measureRounds(contestants, [step], {
    ...rounds(0, 5),
    choose: (round) => (round === 3 ? null : (_, { result }) => result.name === 'a' || round !== 1),
  });
  assert.deepEqual(
    found.map(({ contestant, rounds }) => [contestant, rounds]),
    [
      ['a', [1, 1, 1]],
      ['b', [1, null, 1]],
    ],
  );
});

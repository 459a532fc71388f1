import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { inferStream } from '#src/engine/infer-stream';

const turn = () => new Promise((resolve) => setImmediate(resolve));

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of stream) all.push(item);
  return all;
}

async function* numbers(count: number, onReturn?: () => void): AsyncGenerator<number> {
  try {
    for (let index = 0; index < count; index++) {
      await turn();
      yield index;
    }
  } finally {
    onReturn?.();
  }
}

test('results come in the order of the requests, whichever ends first', async () => {
  const infer = async (value: number) => {
    for (let turns = (value * 7) % 5; turns > 0; turns--) await turn();
    return value * 2;
  };
  const results = await collect(inferStream(numbers(50), infer, 4));
  assert.deepEqual(
    results,
    Array.from({ length: 50 }, (_, index) => ({ status: 'fulfilled', value: index * 2 })),
  );
  assert.deepEqual(await collect(inferStream([], infer, 4)), []);
  assert.equal((await collect(inferStream([1, 2, 3], infer, 1))).length, 3);
});

test('one that fails stops nobody', async () => {
  const infer = async (value: number) => {
    if (value === 1) throw new Error('one');
    return value;
  };
  const results = await collect(inferStream([0, 1, 2], infer, 2));
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
});

test('no more than `concurrency` are under way or wait to be taken', async () => {
  let [underway, most] = [0, 0];
  const infer = async (value: number) => {
    most = Math.max(most, ++underway);
    await turn();
    underway--;
    return value;
  };
  await collect(inferStream(numbers(30), infer, 3));
  assert.ok(most <= 3, `${most} at once`);

  let read = 0;
  function* counted() {
    for (; ; read++) yield read;
  }
  const stream = inferStream(counted(), infer, 5);
  for (let taken = 0; taken < 3; taken++) {
    await stream.next();
    for (let turns = 0; turns < 20; turns++) await turn();
  }
  assert.ok(read <= 3 + 5, `${read} were read for 3 that were taken`);
  await stream.return();
});

describe('the end', () => {
  test('a reader that stops ends the writer', async () => {
    let returned = false;
    const stream = inferStream(
      numbers(100, () => (returned = true)),
      async (value) => value,
      2,
    );
    for await (const _ of stream) break;
    assert.equal(returned, true);
  });

  test('an error of the writer reaches the reader', async () => {
    function* failing() {
      yield 1;
      throw new Error('no more');
    }
    await assert.rejects(collect(inferStream(failing(), async (value) => value, 2)), /no more/);
  });

  test('a result does not wait for the next request', async () => {
    async function* endless() {
      yield 1;
      await new Promise(() => {});
    }
    const stream = inferStream(endless(), async (value) => value, 2);
    assert.deepEqual((await stream.next()).value, { status: 'fulfilled', value: 1 });
  });
});

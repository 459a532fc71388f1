import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GraphState, Session, SessionOptions } from '#src/backends/backend';
import { loadPlaced } from '#src/backends/torch/placed-session';
import { rejects } from '../../../support/expect-error.js';
import { DoublingSession, rowsFrom, turn } from '../../engine/batching/doubling-session.js';

const two: SessionOptions = { device: 'cuda:0', devices: ['cuda:0', 'cuda:1'], threads: 1, instances: 3 };

/** Sessions that are made as they are asked for, and what they were asked for. */
function loader(state: { stateful?: boolean; failAt?: number; graphs?: GraphState } = {}) {
  const sessions: DoublingSession[] = [];
  const asked: SessionOptions[] = [];
  const load = async (options: SessionOptions): Promise<Session> => {
    asked.push(options);
    if (asked.length === state.failAt) throw new Error('no memory');
    const session = new DoublingSession({
      device: options.device,
      instances: options.instances ?? 1,
      stateful: state.stateful ?? false,
    });
    if (state.graphs !== undefined) Object.assign(session, { graphs: () => state.graphs });
    sessions.push(session);
    return session;
  };
  return { sessions, asked, load };
}

describe('a model on several devices', () => {
  test('is loaded on each, and is the sum of its parts', async () => {
    const { asked, load } = loader();
    const { info } = await loadPlaced('m.pt', two, load);
    assert.deepEqual(
      asked.map(({ device, instances }) => [device, instances]),
      [
        ['cuda:0', 2],
        ['cuda:1', 1],
      ],
    );
    assert.equal(info.device, 'cuda:0,cuda:1');
    assert.equal(info.instances, 3);
  });

  test('gives a call to the device with the least work, and each its own answer', async () => {
    const { sessions, load } = loader();
    const session = await loadPlaced('m.pt', two, load);
    const answers = [1, 2, 3, 4].map((first) => session.run('forward', [rowsFrom(first)]));
    await turn();
    assert.deepEqual(
      sessions.map(({ calls }) => calls.length),
      [3, 1],
    );
    while (sessions.some(({ held }) => held.length > 0)) {
      for (const each of sessions) each.held.shift()?.release();
      await turn();
    }
    const outputs = await Promise.all(answers);
    assert.deepEqual(
      outputs.map(({ y }) => y!.toNumbers()[0]),
      [2, 4, 6, 8],
    );
  });

  test('a call that failed is no work any more', async () => {
    const { sessions, load } = loader();
    const session = await loadPlaced('m.pt', { ...two, instances: 2 }, load);
    for (const each of sessions) each.holds = false;
    for (let call = 0; call < 3; call++)
      await assert.rejects(session.run('forward', [rowsFrom(-1)]), { message: 'row 0 is bad' });
    await session.run('forward', [rowsFrom(1)]);
    assert.equal(sessions[0]!.calls.length, 4);
  });

  test('is closed on all of them', async () => {
    const { sessions, load } = loader();
    await (await loadPlaced('m.pt', two, load)).close();
    assert.deepEqual(
      sessions.map(({ closed }) => closed),
      [true, true],
    );
  });

  test('what was loaded is closed if another device fails', async () => {
    const { sessions, load } = loader({ failAt: 2 });
    await assert.rejects(loadPlaced('m.pt', two, load), { message: 'no memory' });
    assert.equal(sessions[0]!.closed, true);
  });

  test('one that keeps state is refused, and closed', async () => {
    const { sessions, load } = loader({ stateful: true });
    await rejects(loadPlaced('m.pt', two, load), 'INF_OPTION_INVALID', '1 instance', '3');
    assert.equal(sessions[0]!.closed, true);
  });

  test('with one instance it is on the first device alone', async () => {
    const { sessions, load } = loader({ stateful: true });
    const session = await loadPlaced('m.pt', { ...two, instances: 1 }, load);
    assert.equal(session, sessions[0]);
    assert.equal(session.info.device, 'cuda:0');
  });

  test('its graphs are those of all parts', async () => {
    const graphs: GraphState = {
      executors: [{ recorded: ['0(float32[1,2])'], failures: [] }],
      replays: 5,
      computed: 4,
      evicted: 1,
    };
    const placed = await loadPlaced('m.pt', two, loader({ graphs }).load);
    assert.deepEqual(placed.graphs!(), {
      executors: [...graphs.executors, ...graphs.executors],
      replays: 10,
      computed: 8,
      evicted: 2,
    });
    const without = await loadPlaced('m.pt', two, loader().load);
    assert.equal(without.graphs!(), null);
  });
});

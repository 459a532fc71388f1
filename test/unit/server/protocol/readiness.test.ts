import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Engine, ModelEntry } from '#src/engine/engine';
import { InfernodeError } from '#src/errors';
import { checkLive, checkReady } from '#src/server/protocol/readiness';
import { throws } from '../../../support/expect-error.js';

const entry = (name: string, version: number | null = 1): ModelEntry => ({
  name,
  version,
  state: 'LOADING',
  reason: 'it is loading',
});
const engineOf = (ready: boolean, ...entries: ModelEntry[]) =>
  ({ ready, failure: null, awaited: () => entries }) as unknown as Engine;
const messageOf = (engine: Engine, isTrusted: boolean) =>
  throws(() => checkReady(engine, isTrusted), 'INF_MODEL_NOT_READY').message;

test('a server that is not ready says which models it waits for, and not too many of them', () => {
  checkReady(engineOf(true), true);
  const two = engineOf(false, entry('a'), entry('b', null));
  assert.equal(
    messageOf(two, true),
    'The server is not ready: "a" version 1 is LOADING: it is loading; "b" is LOADING: it is loading',
  );
  const many = engineOf(false, ...Array.from({ length: 12 }, (_, index) => entry(`m${index}`)));
  assert.match(messageOf(many, true), /"m4" version 1 is LOADING: it is loading; and 7 more$/);
  assert.equal(messageOf(engineOf(false), true), 'The server is not ready');
});

test('to strangers it says how many they are', () => {
  assert.equal(messageOf(engineOf(false, entry('a')), false), 'The server is not ready: 1 model does not serve');
  assert.equal(
    messageOf(engineOf(false, entry('a'), entry('b')), false),
    'The server is not ready: 2 models do not serve',
  );
});

test('a device that has failed for good is what it says first, to strangers without a name', () => {
  const failure = new InfernodeError('INF_DEVICE_FAILED', 'cuda:0 failed');
  const engine = { ...engineOf(false, entry('a')), failure } as Engine;
  const said = (isTrusted: boolean) => throws(() => checkReady(engine, isTrusted), 'INF_DEVICE_FAILED').message;
  assert.equal(said(true), 'The server is not ready: cuda:0 failed');
  assert.equal(said(false), 'The server is not ready: a device has failed for good');
  throws(() => checkLive(engine), 'INF_DEVICE_FAILED', 'must be started again');
  checkLive(engineOf(false));
});

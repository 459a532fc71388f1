import { isDeepStrictEqual } from 'node:util';
import { InfernodeError, messageOf } from '../../errors.js';
import { trimHeap } from '../native/heap.js';
import { stayAwake } from '../stay-awake.js';
import { beginWork, endWork } from './exit-guard.js';
import { type LoadedModel, loadModel } from './load-model.js';
import { ModelRunner } from './model-runner.js';
import { FAILED, type LoadRequest, type Response } from './protocol.js';
import { type Packet, PacketReader, PacketWriter } from './wire.js';
import { toWireError } from './wire-error.js';

/** Posts a response to the caller's side. */
export type Send = (response: Response, transfer?: ArrayBuffer[]) => void;

/** The model that a worker holds, or what is left of one that could not be loaded. In the worker. */
export interface HeldModel {
  run(packet: Packet): void;
  runSync(packet: Packet): Promise<ReturnType<PacketWriter['finish']>>;
  release(): Promise<void>;
}

/** Loads a model and tells how it went; never rejects. Never settles if the process is about to end. */
export async function holdModel(request: LoadRequest, shared: Int32Array, send: Send): Promise<HeldModel> {
  let model: LoadedModel | undefined;
  const release = async () => {
    await work(shared, async () => model?.session.release());
  };
  try {
    model = await work(shared, () => loadModel(request.path, request.threads));
    checkUnchanged(model, request);
    // What the runtime needed to load it is as large as the model, and freed.
    await trimHeap();
  } catch (error) {
    const coded =
      error instanceof InfernodeError ? error : new InfernodeError('INF_INTERNAL', messageOf(error), { cause: error });
    send({ type: 'loadFailed', error: toWireError(coded) });
    // The blocking caller hears of the failure by no other way; the others have heard.
    return { run() {}, runSync: async (packet) => refusal(packet, coded), release };
  }
  const runner = new ModelRunner(model, shared, (packet, transfer, millisecondsPerCall) => {
    send({ type: 'replies', packet, millisecondsPerCall }, transfer);
    // The next of a series of calls usually comes at once.
    stayAwake(() => runner.idle);
  });
  send({ type: 'loaded', info: model.info });
  return { run: (packet) => runner.run(packet), runSync: (packet) => runner.runSync(packet), release };
}

/** Never settles if the process is about to end. */
async function work<T>(shared: Int32Array, action: () => Promise<T>): Promise<T> {
  if (!beginWork(shared)) return new Promise(() => {});
  try {
    return await action();
  } finally {
    endWork(shared);
  }
}

function checkUnchanged({ info }: LoadedModel, { path, expected }: LoadRequest): void {
  if (expected === null || isDeepStrictEqual(info.methods.forward, expected)) return;
  throw new InfernodeError('INF_MODEL_INVALID', `${path} has other inputs or outputs than when it was loaded`);
}

function refusal(packet: Packet, error: InfernodeError): ReturnType<PacketWriter['finish']> {
  const reply = new PacketWriter();
  reply.number(new PacketReader(packet, false).number());
  reply.number(FAILED);
  reply.error(toWireError(error));
  return reply.finish();
}

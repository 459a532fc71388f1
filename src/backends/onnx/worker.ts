/** The thread that holds one model: the runtime blocks its thread while it loads and while it runs. */
import { isDeepStrictEqual } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import { InfernodeError, messageOf } from '../../errors.js';
import { beginWork, endWork } from './exit-guard.js';
import { type LoadedModel, loadModel } from './load-model.js';
import { ModelRunner } from './model-runner.js';
import { ALIVE, ANSWERS, ENDED, FAILED, type Request, type Response, STATE, type WorkerStart } from './protocol.js';
import { type Packet, PacketReader, PacketWriter } from './wire.js';
import { toWireError } from './wire-error.js';

const { path, threads, expected, syncPort, shared } = workerData as WorkerStart;
const port = parentPort!;

Atomics.store(shared, STATE, ALIVE);
process.on('exit', () => {
  Atomics.store(shared, STATE, ENDED);
  wake();
});

try {
  const model = await work(() => loadModel(path, threads));
  checkUnchanged(model);
  serve(model);
} catch (error) {
  refuse(
    error instanceof InfernodeError ? error : new InfernodeError('INF_INTERNAL', messageOf(error), { cause: error }),
  );
}

/** Never settles if the process is about to end. */
async function work<T>(action: () => Promise<T>): Promise<T> {
  if (!beginWork(shared)) return new Promise(() => {});
  try {
    return await action();
  } finally {
    endWork(shared);
  }
}

function checkUnchanged({ info }: LoadedModel): void {
  if (expected === null || isDeepStrictEqual(info.methods.forward, expected)) return;
  throw new InfernodeError('INF_MODEL_INVALID', `${path} has other inputs or outputs than when it was loaded`);
}

function serve(model: LoadedModel): void {
  const runner = new ModelRunner(model, shared, (packet, transfer, millisecondsPerCall) => {
    send({ type: 'replies', packet, millisecondsPerCall }, transfer);
  });
  port.on('message', async (request: Request) => {
    switch (request.type) {
      case 'run':
        runner.run(request.packet);
        break;
      case 'runSync': {
        const { packet, transfer } = await runner.runSync(request.packet);
        answer(packet, transfer);
        break;
      }
      case 'close':
        await work(() => model.session.release());
        // With its port closed nothing keeps the thread alive.
        port.close();
        break;
      case 'crash':
        throw new Error('crash');
    }
  });
  send({ type: 'loaded', info: model.info });
}

/** Tells that the load failed, in the answer of a blocking call too, for that caller hears nothing else. */
function refuse(error: InfernodeError): void {
  port.on('message', (request: Request) => {
    if (request.type === 'close') port.close();
    if (request.type !== 'runSync') return;
    const reply = new PacketWriter();
    reply.number(new PacketReader(request.packet, false).number());
    reply.number(FAILED);
    reply.error(toWireError(error));
    const { packet, transfer } = reply.finish();
    answer(packet, transfer);
  });
  send({ type: 'loadFailed', error: toWireError(error) });
}

function send(response: Response, transfer: ArrayBuffer[] = []): void {
  port.postMessage(response, transfer);
}

function answer(packet: Packet, transfer: ArrayBuffer[]): void {
  syncPort.postMessage(packet, transfer);
  wake();
}

function wake(): void {
  Atomics.add(shared, ANSWERS, 1);
  Atomics.notify(shared, ANSWERS);
}

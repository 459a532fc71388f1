/** The thread that holds one model after another: the runtime blocks its thread while it loads and while it runs. */
import { parentPort, workerData } from 'node:worker_threads';
import { trimHeap } from '../native/heap.js';
import { stayAwake } from '../stay-awake.js';
import { collectGarbage } from './collect-garbage.js';
import { type HeldModel, holdModel } from './held-model.js';
import { ALIVE, ANSWERS, ENDED, type Request, type Response, STATE, type WorkerStart } from './protocol.js';

const { syncPort, shared } = workerData as WorkerStart;
const port = parentPort!;
/** From `load` to `close`. What comes while the load is under way waits for it. */
let held: Promise<HeldModel> | undefined;

Atomics.store(shared, STATE, ALIVE);
process.on('exit', () => {
  Atomics.store(shared, STATE, ENDED);
  wake();
});

port.on('message', async (request: Request) => {
  switch (request.type) {
    case 'load':
      held = holdModel(request, shared, send);
      break;
    case 'run':
      (await held!).run(request.packet);
      break;
    case 'runSync': {
      const { packet, transfer } = await (await held!).runSync(request.packet);
      syncPort.postMessage(packet, transfer);
      wake();
      stayAwake(() => true);
      break;
    }
    case 'close':
      await (await held!).release();
      held = undefined;
      await collectGarbage();
      await trimHeap();
      send({ type: 'closed' });
      break;
    case 'end':
      // With its port closed nothing keeps the thread alive.
      port.close();
      break;
    case 'crash':
      throw new Error('crash');
  }
});

function send(response: Response, transfer: ArrayBuffer[] = []): void {
  port.postMessage(response, transfer);
}

function wake(): void {
  Atomics.add(shared, ANSWERS, 1);
  Atomics.notify(shared, ANSWERS);
}

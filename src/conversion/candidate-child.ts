/** Run by candidate-process.ts in a child process: builds and measures one candidate. A crash here is its failure alone. */
import type { InputValue, Session } from '../backends/backend.js';
import { isTensorLike } from '../backends/input-errors.js';
import { backendOf } from '../backends/registry.js';
import { InfernodeError, messageOf } from '../errors.js';
import { Tensor } from '../tensor/tensor.js';
import type { SampleInputs } from './build.js';
import type { Reply, Request } from './candidate-protocol.js';
import { Conversion, quantizableLayers } from './conversion.js';
import { matchInputs } from './match-inputs.js';
import { measure, medianLatency } from './measure.js';

let session: Session | undefined;
let conversion: Conversion | undefined;

async function answer(request: Request): Promise<unknown> {
  switch (request.type) {
    case 'load': {
      const { backend, file, format, libtorch, threads, precision, layout } = request.candidate;
      const start = performance.now();
      session = await backendOf(backend, libtorch).load(file, format, { device: 'cpu', threads, precision, layout });
      return { loadMs: performance.now() - start };
    }
    case 'run':
      return session!.run('forward', revive(request.inputs));
    case 'latency':
      return medianLatency(session!, revive(request.inputs), request.milliseconds, request.busy);
    case 'measure': {
      const batch = request.batch === null ? null : revive(request.batch);
      return measure(session!, revive(request.one), batch, batch === null ? 0 : rowsOf(batch));
    }
    case 'layers':
      return quantizableLayers(request.build, request.libtorch);
    case 'convert':
      conversion = await Conversion.begin(request.build, request.target, request.libtorch);
      return null;
    case 'sample':
      await conversion!.show(revive(request.inputs));
      return null;
    case 'finish':
      return conversion!.finish();
  }
}

process.on('message', async (request: Request) => {
  let reply: Reply;
  try {
    reply = { ok: true, value: await answer(request) };
  } catch (error) {
    const code = error instanceof InfernodeError ? error.code : 'INF_INTERNAL';
    reply = { ok: false, code, message: messageOf(error) };
  }
  // The parent may have gone.
  if (process.connected) process.send!(reply, undefined, undefined, () => {});
});

// A child whose parent is gone has nobody to work for, and may be in the middle of a long call.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

function revive(inputs: SampleInputs): SampleInputs {
  const values = Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, reviveValue(value)]));
  return session === undefined ? values : matchInputs(values, namesOf(session));
}

function namesOf({ info }: Session): string[] {
  return info.methods.forward!.inputs.map(({ name }) => name);
}

/** Tensors lose their class on the way between processes. */
function reviveValue(value: InputValue): InputValue {
  if (isTensorLike(value)) return new Tensor(value.dtype, value.data as never, value.shape);
  return Array.isArray(value) ? value.map(reviveValue) : value;
}

function rowsOf(inputs: SampleInputs): number {
  for (const value of Object.values(inputs)) if (isTensorLike(value)) return value.shape[0] ?? 1;
  return 1;
}

/** Run by candidate-process.ts in a child process: builds and measures one candidate. A crash here is its failure alone. */
import type { Session } from '../backends/backend.js';
import { isTensorLike } from '../backends/input-errors.js';
import { defaultMethod } from '../backends/methods.js';
import { backendOf } from '../backends/registry.js';
import { answerParent } from './answer-parent.js';
import type { SampleInputs } from './build.js';
import type { Request } from './candidate-protocol.js';
import { Conversion, quantizableLayers } from './conversion.js';
import { matchInputs } from './match-inputs.js';
import { measure, medianLatency } from './measure.js';
import { reviveInputs } from './revive-inputs.js';
import { warmUp } from './warm-up.js';

let session: Session | undefined;
let warm: Promise<void> | undefined;
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
    case 'latency': {
      const inputs = revive(request.inputs);
      warm ??= warmUp(() => session!.run(defaultMethod(session!.info), inputs));
      await warm;
      return medianLatency(session!, inputs, request.milliseconds, request.busy);
    }
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

answerParent(answer);

function revive(inputs: SampleInputs): SampleInputs {
  const values = reviveInputs(inputs);
  return session === undefined ? values : matchInputs(values, namesOf(session));
}

function namesOf({ info }: Session): string[] {
  return info.methods.forward!.inputs.map(({ name }) => name);
}

function rowsOf(inputs: SampleInputs): number {
  for (const value of Object.values(inputs)) if (isTensorLike(value)) return value.shape[0] ?? 1;
  return 1;
}

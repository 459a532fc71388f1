/** Run by contestant.ts in a child process: holds one model, and times its calls. */
import { readFileSync } from 'node:fs';
import type { Outputs } from '../backends/backend.js';
import { answerParent } from '../conversion/answer-parent.js';
import type { SampleInputs } from '../conversion/build.js';
import { reviveInputs } from '../conversion/revive-inputs.js';
import { warmUp } from '../conversion/warm-up.js';
import type { ClientCalls, Memory, Opened, Request, Subject } from './protocol.js';
import type { OpenSubject } from './subject.js';
import { type Call, timeCalls, timeClients, timeLoop } from './time-calls.js';

let subject: OpenSubject | undefined;
let given: SampleInputs[] = [];
/** Once for each process, before the first call that is timed beside the first of all. */
let warm: Promise<void> | undefined;
let firstOutputs: Outputs = {};

async function answer(request: Request): Promise<unknown> {
  switch (request.type) {
    case 'open': {
      const start = performance.now();
      subject = await open(request.subject);
      return { ...subject.opened, loadMs: performance.now() - start } satisfies Opened;
    }
    case 'give':
      given = request.inputs.map(reviveInputs);
      return null;
    case 'first': {
      const start = performance.now();
      firstOutputs = await subject!.run(given[0]!);
      return performance.now() - start;
    }
    case 'outputs':
      return request.inputs === null ? firstOutputs : subject!.run(reviveInputs(request.inputs));
    case 'calls':
      return timeCalls(await warmed(request.input), request.milliseconds);
    case 'clients':
      return clientCalls(request.clients, request.milliseconds);
    case 'loop':
      return timeLoop(await warmed(0), request.milliseconds);
    case 'memory':
      return { now: process.memoryUsage.rss(), peak: peakBytes() } satisfies Memory;
    case 'scout':
      return subject!.scout();
  }
}

/** Each runtime is imported where it is needed: a process must not hold, nor wait for, what its subject does without. */
async function open(wanted: Subject): Promise<OpenSubject> {
  if (wanted.runtime === 'infernode') return (await import('./infernode-subject.js')).openInfernode(wanted);
  return (await import('./onnxruntime-subject.js')).openRuntime(wanted);
}

async function warmed(input: number): Promise<Call> {
  const call = subject!.prepare(given[input]!);
  warm ??= warmUp(call);
  await warm;
  return call;
}

async function clientCalls(clients: number, milliseconds: number): Promise<ClientCalls> {
  const call = await warmed(0);
  const before = subject!.counts();
  const calls = await timeClients(call, clients, milliseconds);
  const after = subject!.counts();
  const batchSize =
    before === null || after === null ? null : (after.requests - before.requests) / (after.calls - before.calls);
  return { ...calls, batchSize };
}

function peakBytes(): number {
  try {
    // Unlike what getrusage says, this does not begin with the peak of the parent.
    return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]);
  } catch {
    return 1024 * process.resourceUsage().maxRSS;
  }
}

answerParent(answer);

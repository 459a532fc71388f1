import type { Outputs } from '../backends/backend.js';
import type { SampleInputs } from '../conversion/build.js';
import type { Opened, Scouted } from './protocol.js';
import type { Call } from './time-calls.js';

/** A model in a process of its own, however it was loaded. */
export interface OpenSubject {
  readonly opened: Omit<Opened, 'loadMs'>;
  /** A call on these inputs, all that can be done ahead done. */
  prepare(inputs: SampleInputs): Call;
  run(inputs: SampleInputs): Promise<Outputs>;
  /** Requests and calls of the model so far; null where the runtime joins no requests. */
  counts(): { readonly requests: number; readonly calls: number } | null;
  scout(): Promise<Omit<Scouted, 'loadMs'>>;
}

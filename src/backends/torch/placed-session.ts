import type { GraphState, Inputs, ModelInfo, OnComputed, Outputs, Session, SessionOptions } from '../backend.js';
import { severalOfStateful } from './load-session.js';
import { leastLoaded, placeInstances } from './place-instances.js';

interface Part {
  readonly session: Session;
  readonly instances: number;
  inFlight: number;
}

/**
 * Loads a model on each of several devices, or just on its one.
 * @throws InfernodeError as `load`; INF_OPTION_INVALID for several instances of a stateful model
 */
export async function loadPlaced(
  path: string,
  options: SessionOptions,
  load: (options: SessionOptions) => Promise<Session>,
): Promise<Session> {
  const { devices = [options.device], instances = 1 } = options;
  const placements = placeInstances(instances, devices);
  const [only] = placements;
  if (placements.length === 1) return load({ ...options, ...only });
  const parts: Part[] = [];
  try {
    // One after the other: each reads the whole file into memory first.
    for (const placement of placements) {
      const session = await load({ ...options, ...placement });
      parts.push({ session, instances: placement.instances, inFlight: 0 });
      if (session.info.stateful) throw severalOfStateful(path, instances);
    }
  } catch (error) {
    await Promise.all(parts.map(({ session }) => session.close()));
    throw error;
  }
  return new PlacedSession(parts);
}

/** A model on several devices. Each has the weights; a call goes where there is the least work. */
export class PlacedSession implements Session {
  readonly info: ModelInfo;

  constructor(private readonly parts: readonly Part[]) {
    const infos = parts.map(({ session }) => session.info);
    this.info = {
      ...infos[0]!,
      device: infos.map(({ device }) => device).join(','),
      instances: infos.reduce((sum, { instances }) => sum + instances, 0),
    };
  }

  async run(method: string, inputs: Inputs, signal?: AbortSignal, onComputed?: OnComputed): Promise<Outputs> {
    const part = this.parts[leastLoaded(this.parts)]!;
    part.inFlight++;
    try {
      return await part.session.run(method, inputs, signal, onComputed);
    } finally {
      part.inFlight--;
    }
  }

  runSync(method: string, inputs: Inputs): Outputs {
    return this.parts[leastLoaded(this.parts)]!.session.runSync(method, inputs);
  }

  graphs(): GraphState | null {
    const states = this.parts.flatMap(({ session }) => session.graphs?.() ?? []);
    const total = (count: (state: GraphState) => number) => states.reduce((sum, state) => sum + count(state), 0);
    return states.length === 0
      ? null
      : {
          executors: states.flatMap(({ executors }) => executors),
          replays: total(({ replays }) => replays),
          computed: total(({ computed }) => computed),
          evicted: total(({ evicted }) => evicted),
        };
  }

  async close(): Promise<void> {
    await Promise.all(this.parts.map(({ session }) => session.close()));
  }
}

import type { Engine } from '../engine/engine.js';
import type { MetricsObserver } from '../server/metrics/metrics-observer.js';
import type { ServerOptions } from '../server/options.js';

/** One way into the engine. */
export interface Door {
  /** Begins to listen. @returns where @throws InfernodeError INF_LISTEN_FAILED */
  open(): Promise<string>;
  /** Is not ready any more, but still answers. */
  drain(): void;
  /** Lets nobody in any more and waits for those inside, at most that long. */
  close(graceMs: number): Promise<void>;
}

/** What all doors have in common, and what is special about HTTP. */
export interface DoorOptions
  extends Pick<ServerOptions, 'host' | 'port' | 'apiKeys' | 'insecure' | 'logLevel' | 'docs' | 'tls'> {
  readonly host: string;
  /** gRPC is served only where it has a port. */
  readonly grpcPort: number | undefined;
}

/** The servers that the options ask for, by protocol. @throws InfernodeError INF_OPTION_INVALID */
export async function makeDoors(
  engine: Engine,
  metrics: MetricsObserver,
  { grpcPort, ...options }: DoorOptions,
): Promise<ReadonlyMap<'http' | 'grpc', Door>> {
  const { createServer } = await import('../server/server.js');
  const http = await createServer({ engine, metrics, ...options });
  const doors = new Map<'http' | 'grpc', Door>([
    ['http', { open: () => http.listen(), drain: http.drain, close: http.close }],
  ]);
  if (grpcPort === undefined) return doors;
  const [{ createGrpcServer }, { setLogger }] = await Promise.all([
    import('../server/grpc/server.js'),
    import('@grpc/grpc-js'),
  ]);
  const { host, apiKeys = [], insecure = false, logLevel = 'silent', tls } = options;
  // It would print what it has to say, and throws what matters.
  setLogger({ error: (message) => http.app.log.debug(`gRPC: ${message}`) });
  const onError = (err: unknown) => http.app.log.error({ err }, 'gRPC');
  const grpc = createGrpcServer({
    engine,
    host,
    port: grpcPort,
    apiKeys,
    insecure,
    ...(tls !== undefined && { tls }),
    onError,
    logLevel,
  });
  return doors.set('grpc', {
    open: async () => `${host}:${await grpc.listen()}`,
    drain: grpc.drain,
    close: grpc.close,
  });
}

/** Opens all doors, or none. @returns where each listens @throws InfernodeError INF_LISTEN_FAILED */
export async function openDoors<Name extends string>(doors: ReadonlyMap<Name, Door>): Promise<Record<Name, string>> {
  const addresses: [Name, string][] = [];
  try {
    for (const [name, door] of doors) addresses.push([name, await door.open()]);
  } catch (error) {
    await closeDoors(doors, 0);
    throw error;
  }
  return Object.fromEntries(addresses) as Record<Name, string>;
}

export async function closeDoors(doors: ReadonlyMap<string, Door>, graceMs: number): Promise<void> {
  await Promise.all([...doors.values()].map((door) => door.close(graceMs)));
}

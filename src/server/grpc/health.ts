import type { Server, ServerUnaryCall, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import { service } from 'grpc-health-check';
import type { Engine } from '../../engine/engine.js';
import { InfernodeError } from '../../errors.js';
import { INFERENCE_SERVICE } from './service-definition.js';
import { statusOf } from './status.js';

type Health = 'SERVING' | 'NOT_SERVING';
type Request = { service: string };
type Response = { status: Health | 'SERVICE_UNKNOWN' };

/** How a server ends: first it is not ready any more, then watchers are let go. */
export interface Ending {
  readonly draining: AbortSignal;
  readonly stopping: AbortSignal;
}

/** How often watchers are told of changes. */
const WATCH_MS = 500;

/** The most services that the protocol lets `List` return. */
const MOST_LISTED = 100;

/**
 * Adds `grpc.health.v1.Health`: of the server under the empty name, of the service of inference, and of each model under its
 * name. The engine is asked each time.
 */
export function addHealth(server: Server, engine: Engine, { draining, stopping }: Ending): void {
  const ofServer = (): Health => (engine.ready && !draining.aborted ? 'SERVING' : 'NOT_SERVING');
  const isReady = (name: string): Health =>
    engine.models().some((entry) => entry.name === name && entry.state === 'READY') && !draining.aborted
      ? 'SERVING'
      : 'NOT_SERVING';
  const healthOf = (name: string): Health | undefined => {
    if (name === '' || name === INFERENCE_SERVICE) return ofServer();
    return engine.models().some((entry) => entry.name === name) ? isReady(name) : undefined;
  };
  server.addService(service, {
    check(call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) {
      const status = healthOf(call.request.service);
      if (status !== undefined) callback(null, { status });
      else callback(statusOf(new InfernodeError('INF_MODEL_NOT_FOUND', `There is no model "${call.request.service}"`)));
    },
    list(_: unknown, callback: sendUnaryData<{ statuses: Record<string, Response> }>) {
      const names = ['', INFERENCE_SERVICE, ...new Set(engine.models().map((entry) => entry.name))];
      if (names.length > MOST_LISTED) {
        callback(statusOf(new InfernodeError('INF_REQUEST_TOO_LARGE', `There are more than ${MOST_LISTED} services`)));
        return;
      }
      const statuses = names.map((name) => [name, { status: healthOf(name)! }]);
      callback(null, { statuses: Object.fromEntries(statuses) });
    },
    watch(call: ServerWritableStream<Request, Response>) {
      let last: Response['status'] | undefined;
      const tell = (): void => {
        const status = healthOf(call.request.service) ?? 'SERVICE_UNKNOWN';
        if (status === last) return;
        last = status;
        call.write({ status });
      };
      const finish = (): void => {
        tell();
        call.end();
      };
      tell();
      const timer = setInterval(tell, WATCH_MS);
      call.once('cancelled', () => {
        clearInterval(timer);
        draining.removeEventListener('abort', tell);
        stopping.removeEventListener('abort', finish);
      });
      draining.addEventListener('abort', tell, { once: true });
      if (stopping.aborted) finish();
      else stopping.addEventListener('abort', finish, { once: true });
    },
  });
}

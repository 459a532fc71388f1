import type { Socket } from 'node:net';

const nothing = () => {};

const signals = new WeakMap<Socket, AbortSignal>();

/**
 * A signal that aborts when the connection closes. All requests of a connection share it: those that were pipelined have no
 * event of their own.
 */
export function connectionSignal(socket: Socket): AbortSignal {
  const known = signals.get(socket);
  if (known !== undefined) return known;
  const controller = new AbortController();
  if (socket.destroyed) controller.abort();
  else socket.once('close', () => controller.abort());
  // While it has a listener, those that come and go with requests do not change its map of events, see Tickets.
  controller.signal.addEventListener('abort', nothing);
  signals.set(socket, controller.signal);
  return controller.signal;
}

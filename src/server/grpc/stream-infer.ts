import { setMaxListeners } from 'node:events';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Engine } from '../../engine/engine.js';
import { InfernodeError } from '../../errors.js';
import { problemOf } from '../http/problem.js';
import { infer, type Patience } from './infer.js';
import { decodeInferRequest, type InferRequestMessage } from './infer-request.js';
import { encodeStreamResponse } from './infer-response.js';
import { isServerError, statusOf } from './status.js';
import type { Report } from './unary.js';

/** Marks an answer as the last one of its request. */
const FINAL = { triton_final_response: true };

/** What all streams of a server have in common. */
export interface StreamContext {
  /** The most requests of one stream at a time. */
  readonly maxStreamRequests: number;
  /** Aborted when the server begins to stop: streams end when the requests that they have are answered. */
  readonly stopping: AbortSignal;
  readonly report: Report;
}

/**
 * Answers the requests of a stream, each as soon as it is ready. What goes wrong with one is told in its answer, and the
 * stream goes on.
 *
 * A request counts until its answer has been taken, so a client that does not read is not read from either.
 */
export function streamInfer(
  engine: Engine,
  call: ServerDuplexStream<Buffer, Buffer>,
  { maxStreamRequests: most, stopping, report }: StreamContext,
): void {
  const cancel = new AbortController();
  // All requests of the stream listen.
  setMaxListeners(0, cancel.signal);
  const patience: Patience = { deadline: Number(call.getDeadline()), signal: cancel.signal };
  let pending = 0;
  let done = false;

  const finishIfIdle = (): void => {
    if (pending > 0 || cancel.signal.aborted) return;
    if (stopping.aborted && !done) {
      call.emit('error', statusOf(new InfernodeError('INF_SHUTTING_DOWN', 'The server is shutting down')));
    } else if (done) {
      call.end();
    }
  };
  const stop = (): void => {
    call.pause();
    finishIfIdle();
  };
  const settle = (): void => {
    pending--;
    if (pending === most - 1 && !stopping.aborted) call.resume();
    finishIfIdle();
  };

  call.on('data', (bytes: Buffer) => {
    if (cancel.signal.aborted) return;
    pending++;
    if (pending === most) call.pause();
    answer(engine, bytes, patience, report).then((response) => {
      if (!cancel.signal.aborted) call.write(response, settle);
    });
  });
  call.once('end', () => {
    done = true;
    finishIfIdle();
  });
  call.once('cancelled', () => {
    stopping.removeEventListener('abort', stop);
    cancel.abort();
  });
  if (stopping.aborted) stop();
  else stopping.addEventListener('abort', stop, { once: true });
}

/** Never rejects. */
async function answer(engine: Engine, bytes: Buffer, patience: Patience, report: Report): Promise<Buffer> {
  let request: Pick<InferRequestMessage, 'id' | 'modelName' | 'modelVersion'> = {
    id: '',
    modelName: '',
    modelVersion: '',
  };
  try {
    const message = decodeInferRequest(bytes);
    request = message;
    return encodeStreamResponse({ parameters: FINAL, ...(await infer(engine, message, patience)) });
  } catch (thrown) {
    if (isServerError(thrown)) report(thrown);
    const { code, message } = problemOf(thrown);
    const { id, modelName, modelVersion } = request;
    const parameters = { ...FINAL, infernode_code: code };
    return encodeStreamResponse({ id, modelName, modelVersion, parameters, outputs: [] }, message);
  }
}

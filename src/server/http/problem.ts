import type { FastifyBaseLogger, FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { type ErrorCode, InfernodeError, messageOf } from '../../errors.js';
import { withoutPaths } from '../hide-paths.js';

/** How an error is answered. */
export interface Problem {
  readonly status: number;
  readonly code: ErrorCode;
  readonly message: string;
}

/** The header that names the code of an error. */
export const CODE_HEADER = 'x-infernode-code';

/** An error of HTTP itself, whose status no code has. */
export class HttpError extends InfernodeError {
  constructor(
    readonly statusCode: number,
    message: string,
  ) {
    super('INF_REQUEST_INVALID', message);
  }
}

/** What a client is told of anything that was thrown. What a bug says stays here. */
export function problemOf(error: unknown): Problem {
  if (error instanceof InfernodeError && error.code !== 'INF_INTERNAL') {
    const { code, message } = error;
    const status = (error as Partial<HttpError>).statusCode ?? error.httpStatus;
    return { status, code, message: withoutPaths(firstLines(message)) };
  }
  const { statusCode = 500, message } = (error ?? {}) as Partial<FastifyError>;
  if (statusCode === 413) return { status: 413, code: 'INF_REQUEST_TOO_LARGE', message: 'The body is too large' };
  // Fastify's and Node's own.
  if (statusCode >= 400 && statusCode < 500)
    return { status: statusCode, code: 'INF_REQUEST_INVALID', message: message! };
  return { status: 500, code: 'INF_INTERNAL', message: 'An internal error; the log of the server has it' };
}

/** Milliseconds after which a client may try again what there was no room for; undefined where nobody knows. */
export function retryAfterMs(error: unknown): number | undefined {
  const given = error instanceof InfernodeError ? error.details.retryAfterMs : undefined;
  return typeof given === 'number' && Number.isFinite(given) ? Math.max(0, given) : undefined;
}

/** Answers what is no request of this server, such as a URL that is none. */
export function sendFrameworkError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const { statusCode = 400 } = error;
  const message = statusCode === 414 ? 'The URL is too long' : 'The URL is not valid';
  sendProblem(statusCode < 500 ? new HttpError(statusCode, message) : error, request, reply);
}

/** Answers with the error, as `{"error": message}`. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const { status, code, message } = problemOf(error);
  logProblem(request.log, status, code, error);
  if (status === 503) reply.header('retry-after', Math.max(1, Math.ceil((retryAfterMs(error) ?? 0) / 1000)));
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  reply
    .code(status)
    .header(CODE_HEADER, code)
    .type('application/json')
    .send(JSON.stringify({ error: message }));
}

/** What the machine lacks: whoever runs the server can mend it. */
const OF_THE_MACHINE: readonly ErrorCode[] = [
  'INF_BACKEND_UNAVAILABLE',
  'INF_BACKEND_CRASHED',
  'INF_DEVICE_UNAVAILABLE',
  'INF_OUT_OF_MEMORY',
];

/** A stack is for what is wrong here. What clients and load bring about is counted in the metrics and may come in floods. */
function logProblem(log: FastifyBaseLogger, status: number, code: ErrorCode, error: unknown): void {
  if (status === 500) log.error({ code, err: error }, messageOf(error));
  else log[OF_THE_MACHINE.includes(code) ? 'warn' : 'info']({ code }, messageOf(error));
}

/** A model that failed says so in its first line; what comes after is a stack. */
function firstLines(message: string): string {
  const [first] = message.split(/\n\s*(?:at |Traceback|frame #|Exception raised from)/, 1);
  return first!.trim();
}

import type { IncomingHttpHeaders } from 'node:http';

const SAFE_ID = /^[\w.:@/+=-]{1,128}$/;
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The client's id of a request; undefined for none, or one that is not safe to log and to send back. */
export function requestId(headers: IncomingHttpHeaders): string | undefined {
  const given = headers['x-request-id'];
  return typeof given === 'string' && SAFE_ID.test(given) ? given : undefined;
}

/** The trace that a request is part of, as W3C Trace Context has it; undefined for none, or none that is valid. */
export function traceParent(headers: IncomingHttpHeaders): string | undefined {
  const { traceparent } = headers;
  return typeof traceparent === 'string' && TRACEPARENT.test(traceparent) ? traceparent : undefined;
}

import { promisify } from 'node:util';
import { deflate, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Smaller answers fit into one packet anyway. */
const LEAST_BYTES = 1024;

const PACK = { gzip: promisify(gzip), deflate: promisify(deflate) };

/** An onSend hook: packs an answer if the client takes that, off the event loop. */
export async function compressAnswer(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  if ((typeof payload !== 'string' && !Buffer.isBuffer(payload)) || payload.length < LEAST_BYTES) return payload;
  if (reply.hasHeader('content-encoding')) return payload;
  reply.header('vary', 'accept-encoding');
  const encoding = acceptedEncoding(request.headers['accept-encoding']);
  if (encoding === null) return payload;
  const packed = await PACK[encoding](payload, { level: 1 });
  reply.header('content-encoding', encoding).header('content-length', packed.length);
  return packed;
}

/** gzip or deflate, whichever the client likes better; null for neither. */
export function acceptedEncoding(header: string | string[] | undefined): 'gzip' | 'deflate' | null {
  if (typeof header !== 'string') return null;
  const quality = new Map<string, number>();
  for (const part of header.toLowerCase().split(',')) {
    const [name, ...parameters] = part.split(';').map((piece) => piece.trim());
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    quality.set(name!, q === undefined ? 1 : Number(q.slice(2)) || 0);
  }
  const any = quality.get('*') ?? 0;
  const [zipped, deflated] = [quality.get('gzip') ?? any, quality.get('deflate') ?? any];
  if (zipped === 0 && deflated === 0) return null;
  return zipped >= deflated ? 'gzip' : 'deflate';
}

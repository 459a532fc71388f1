import { readFile } from 'node:fs/promises';
import { InfernodeError, messageOf } from '../errors.js';
import { type Access, isExposed } from '../server/exposure.js';
import type { TlsOptions } from '../server/tls.js';

/** Who may come in, as Commander parses it. */
export interface AccessOptions {
  readonly host: string;
  readonly apiKey?: readonly string[];
  readonly insecure?: boolean;
  /** Paths of PEM files. */
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
}

/**
 * The same in the words of the servers.
 *
 * @throws InfernodeError INF_OPTION_INVALID for files that cannot be read, and where other machines could do what they like
 */
export async function accessOf({ host, apiKey = [], insecure = false, ...files }: AccessOptions): Promise<Access> {
  const tls = await readTls(files);
  const access = { apiKeys: [...apiKey, ...environmentKeys()], insecure, ...(tls !== undefined && { tls }) };
  if (!isExposed(host, access)) return access;
  const message = `Without a key, anybody who reaches ${host} could use the models; give --api-key KEY, or --insecure`;
  throw new InfernodeError('INF_OPTION_INVALID', message, { details: { name: 'host', given: host } });
}

type TlsFiles = Pick<AccessOptions, 'tlsCert' | 'tlsKey' | 'tlsCa'>;

async function readTls({ tlsCert, tlsKey, tlsCa }: TlsFiles): Promise<TlsOptions | undefined> {
  if (tlsCert === undefined && tlsKey === undefined && tlsCa === undefined) return undefined;
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new InfernodeError('INF_OPTION_INVALID', 'TLS takes a certificate and its key: --tls-cert and --tls-key');
  }
  const [cert, key] = [await read('--tls-cert', tlsCert), await read('--tls-key', tlsKey)];
  return { cert, key, ...(tlsCa !== undefined && { ca: await read('--tls-ca', tlsCa) }) };
}

async function read(option: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new InfernodeError('INF_OPTION_INVALID', `${option} ${path} cannot be read: ${messageOf(cause)}`, {
      cause,
      details: { name: option, given: path },
    });
  }
}

function environmentKeys(): string[] {
  return (process.env.INFERNODE_API_KEYS ?? '')
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '');
}

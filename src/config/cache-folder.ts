import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where Infernode keeps what it can find out or make again: `~/.cache/infernode`, or below XDG_CACHE_HOME. */
export function cacheFolder(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'infernode');
}

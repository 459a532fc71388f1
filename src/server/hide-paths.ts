import { readdirSync } from 'node:fs';

/** A path from the root on; what comes before it must not make it a part of something longer, such as a URL. */
const ABSOLUTE = /(?<![\w.~/-])(?:file:\/\/)?\/([^\s/'"`:;,()<>[\]{}|]+)((?:\/[^\s/'"`:;,()<>[\]{}|]+)*)\/?/g;
/** A model, its version and its file. */
const MOST_KEPT = 3;

let topLevel: ReadonlySet<string> | undefined;

/**
 * A message as clients may read it: of absolute paths only the end is left, which tells models and their files apart and
 * nothing of where the server keeps them. What only looks like a path, such as the name of an ONNX node, is left alone.
 */
export function withoutPaths(message: string): string {
  if (!message.includes('/')) return message;
  topLevel ??= new Set(readdirSync('/'));
  return message.replace(ABSOLUTE, (found, top: string, rest: string) => {
    if (!topLevel?.has(top)) return found;
    const below = rest.split('/').slice(1);
    // Two folders at least are the server's own.
    const kept = below.slice(Math.max(Math.min(1, below.length - 1), below.length - MOST_KEPT));
    return kept.length === 0 ? top : kept.join('/');
  });
}

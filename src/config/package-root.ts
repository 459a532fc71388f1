import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { InfernodeError } from '../errors.js';

const NAME = 'infernode';

/** The folder that holds this package's package.json. Of code that was bundled it is that of the installed package. */
export const packageRoot = findRoot();

/** `require` as seen from this package, for native files and for packages that may be missing. */
export const packageRequire = createRequire(join(packageRoot, 'package.json'));

/** The version of this package. */
export function packageVersion(): string {
  return (JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string }).version;
}

/**
 * The URL of a compiled module that runs in a thread or process of its own. It is not given relative to the module that
 * asks, which may lie in somebody's bundle.
 *
 * @param path below `src/`, with the ending `.js`
 */
export function moduleUrl(path: string): URL {
  return pathToFileURL(join(packageRoot, 'dist', path));
}

function findRoot(): string {
  // Bundles in the CommonJS format have no import.meta.url.
  const url = import.meta.url as string | undefined;
  const own = url === undefined ? null : fileURLToPath(new URL('../..', url));
  if (own !== null && nameIn(own) === NAME) return own;
  for (const from of [url, process.argv[1], join(process.cwd(), 'index.js')]) {
    try {
      if (from) return dirname(createRequire(from).resolve(`${NAME}/package.json`));
    } catch {}
  }
  throw new InfernodeError(
    'INF_BACKEND_UNAVAILABLE',
    `The bundle does not find the package ${NAME}: install it where the bundle runs, for its native files are not bundled`,
  );
}

function nameIn(folder: string): string | null {
  try {
    return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name: string }).name;
  } catch {
    return null;
  }
}

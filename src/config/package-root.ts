import { fileURLToPath } from 'node:url';

/** The folder that holds this package's package.json. */
export const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

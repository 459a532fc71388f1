import { fileURLToPath } from 'node:url';

/** The folder of the repository; this file is compiled to .build/ts/bench/. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

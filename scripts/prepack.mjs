#!/usr/bin/env node
// Before `npm pack` and `npm publish`: compiles dist, and checks the binaries. With --complete, as publishing asks, every
// libtorch that the package is to serve must have one.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pinnedMinors } from './prebuild/libtorchs.mjs';
import { checkManifest } from './prebuild/manifest.mjs';
import { buildTs } from './setup/build-ts.mjs';
import { ROOT } from './setup/step.mjs';

const folder = join(ROOT, 'prebuilds', 'linux-x64');
const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

await buildTs.run();
const problems = existsSync(folder) ? checkManifest(folder, version) : ['it does not exist: npm run prebuild'];
if (process.argv.includes('--complete') && existsSync(folder)) {
  const names = readdirSync(folder);
  const absent = pinnedMinors().filter(
    (/** @type {string} */ minor) => !names.some((name) => name.includes(`torch-${minor}.`)),
  );
  problems.push(
    ...absent.map((/** @type {string} */ minor) => `no torch backend for libtorch ${minor}: npm run prebuild`),
  );
}
for (const problem of problems) console.error(`prebuilds/linux-x64: ${problem}`);
process.exitCode = problems.length > 0 ? 1 : 0;

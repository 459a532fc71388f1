#!/usr/bin/env node
// node scripts/setup.mjs [all|deps|libtorch|build]
import { setup } from './setup/plan.mjs';

try {
  const { ok } = await setup(process.argv[2]);
  process.exitCode = ok ? 0 : 1;
} catch (error) {
  if (!(error instanceof RangeError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

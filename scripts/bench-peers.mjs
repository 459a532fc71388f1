#!/usr/bin/env node
// node scripts/bench-peers.mjs
//
// Installs what the benchmarks compare with, and the project itself does without: Python packages into bench/peers/.venv, Node.js
// packages into bench/peers/node_modules. What cannot be installed is absent from the benchmarks, which say so.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { withProgress } from './setup/progress.mjs';
import { runCommand } from './setup/run-command.mjs';
import { ROOT, runSteps } from './setup/step.mjs';

const PEERS = join(ROOT, 'bench', 'peers');
const PIP = '-m pip install --retries 1 --timeout 15 --disable-pip-version-check'.split(' ');

/**
 * @param {string} label
 * @param {string} command
 * @param {readonly string[]} args
 */
function install(label, command, args) {
  // onnxruntime-node would fetch CUDA libraries; the CPU runtime is in the package.
  const options = { cwd: PEERS, env: { ONNXRUNTIME_NODE_INSTALL: 'skip' } };
  return withProgress(
    label,
    () => '',
    () => runCommand(command, args, options),
  );
}

const { outcomes } = await runSteps([
  {
    name: 'node',
    without: 'the others take part',
    async run() {
      await install('npm ci', 'npm', ['ci', '--no-audit', '--no-fund']);
      return { fresh: false, text: 'packages of bench/peers/package-lock.json' };
    },
  },
  {
    name: 'python',
    without: 'the others take part',
    async run() {
      const python = join(PEERS, '.venv', 'bin', 'python');
      if (!existsSync(python)) await install('venv', 'python3', ['-m', 'venv', '.venv']);
      await install('pip install', python, [...PIP, '-r', 'requirements.txt']);
      return { fresh: false, text: 'packages of bench/peers/requirements.txt' };
    },
  },
]);
process.exitCode = outcomes.every(({ state }) => state === 'done') ? 0 : 1;

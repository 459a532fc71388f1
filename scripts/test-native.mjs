#!/usr/bin/env node
// node scripts/test-native.mjs [--build]
//
// Builds the native code with AddressSanitizer and UndefinedBehaviorSanitizer, then runs the test programs of the
// executors, of what decides over CUDA graphs, of the GPU monitor and of the torch backend, and the tests of the torch backend in a Node that has the sanitizer loaded. With
// --build it only builds, and lets everything else on the machine go first.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism, constants, setPriority } from 'node:os';
import { join } from 'node:path';
import { findLibtorch } from './setup/libtorch-folder.mjs';
import { withProgress } from './setup/progress.mjs';
import { isOnPath, runCommand } from './setup/run-command.mjs';
import { hashInputs, Stamp } from './setup/stamp.mjs';
import { ROOT } from './setup/step.mjs';

const OUT = join(ROOT, '.build', 'asan');
const RELEASE = join(OUT, 'Release');
const TESTS = join(ROOT, '.build', 'ts', 'test', 'unit', 'backends', 'torch');

/** The tests that call native code; others hand it files that make it crash on purpose. */
const CALLING = ['arguments', 'instances', 'observed-session', 'outputs', 'session', 'signature', 'state'];

const libtorch = findLibtorch();
if (!libtorch || !isOnPath('cmake') || !isOnPath('g++')) {
  console.log('native tests need libtorch, g++ and cmake: skipped');
  process.exit(process.env.CI === 'true' ? 1 : 0);
}
const lib = join(libtorch.folder, 'lib');
const libraries = ['libc10.so', 'libtorch_cpu.so', 'libtorch.so'].map((name) => join(lib, name));

async function build() {
  const stamp = new Stamp(ROOT, 'asan', hashInputs(ROOT, ['CMakeLists.txt', 'native'], libtorch?.folder ?? ''));
  if (stamp.matches() && existsSync(join(RELEASE, 'torch_backend_test'))) return;
  const options = [
    '--CDINFERNODE_SANITIZE=address,undefined',
    '--CDINFERNODE_TESTS=ON',
    `--CDINFERNODE_LIBTORCH=${libtorch?.folder}`,
  ];
  const cmakeJs = join(ROOT, 'node_modules', '.bin', 'cmake-js');
  const args = ['compile', '--out', OUT, '--config', 'RelWithDebInfo', ...options];
  await withProgress(
    'sanitizer build',
    () => '',
    () => runCommand(cmakeJs, [...args, '--parallel', String(availableParallelism())], { cwd: ROOT }),
  );
  stamp.write();
}

// The allocation test asks for a pebibyte on purpose. Leaks are looked for in the plain program only: Node and V8 keep
// memory until the very end.
const ASAN = 'allocator_may_return_null=1:abort_on_error=1';

/** @param {string} command @param {string[]} args @param {Record<string, string>} env */
function run(command, args, env) {
  execFileSync(command, args, { stdio: 'inherit', cwd: ROOT, env: { ...process.env, ...env } });
}

const onlyBuild = process.argv.includes('--build');
if (onlyBuild) setPriority(constants.priority.PRIORITY_LOW);
await build();
if (onlyBuild) process.exit(0);
run(join(RELEASE, 'executor_test'), [], { ASAN_OPTIONS: ASAN });
run(join(RELEASE, 'quick_calls_test'), [], { ASAN_OPTIONS: ASAN });
run(join(RELEASE, 'graphs_test'), [], { ASAN_OPTIONS: ASAN });
const nvml = join(RELEASE, 'nvml_double.so');
run(join(RELEASE, 'gpu_monitor_test'), [nvml], { ASAN_OPTIONS: ASAN });
run(join(RELEASE, 'gpu_monitor_test'), [nvml, 'broken'], { ASAN_OPTIONS: ASAN, INFERNODE_TEST_NVML: 'broken' });
run(
  join(RELEASE, 'torch_backend_test'),
  [join(RELEASE, 'infernode_torch.so'), join(ROOT, 'test', 'fixtures'), ...libraries],
  {
    ASAN_OPTIONS: ASAN,
    LSAN_OPTIONS: `suppressions=${join(ROOT, 'native', 'test', 'leaks.supp')}:print_suppressions=0`,
  },
);
const asan = execFileSync('g++', ['-print-file-name=libasan.so'], { encoding: 'utf8' }).trim();
run(
  process.execPath,
  ['--expose-gc', '--test', '--test-concurrency=2', ...CALLING.map((name) => join(TESTS, `${name}.test.js`))],
  {
    LD_PRELOAD: asan,
    ASAN_OPTIONS: `${ASAN}:detect_leaks=0`,
    INFERNODE_ADDON: RELEASE,
    INFERNODE_LIBTORCH: libtorch.folder,
  },
);

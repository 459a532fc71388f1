import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { build } from 'esbuild';
import { app, installed, libtorch, needsPackage, runIn } from '../support/installed-package.js';
import { repository } from '../support/test-data.js';
import { fixture, needsTorch } from '../support/torch.js';
import { makeFolder } from '../unit/support/files.js';

/** The libtorch that `npm run prebuild` has fetched besides that of setup. */
const second = join(repository, '.build/prebuild/libtorch-2.14.1');
const needsSecond = existsSync(second) ? false : 'only after npm run prebuild, which fetches a second libtorch';

const numbers = ['1', '2.5'];
const answer = (backend: string) => `${JSON.stringify({ backend, output: [3, 6] })}\n`;

describe('the installed package', { skip: needsPackage }, () => {
  test('has no install script, sources to build from, notices, and nothing of the tests', () => {
    const { scripts } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    for (const name of ['preinstall', 'install', 'postinstall']) assert.equal(scripts[name], undefined, name);
    const names = readdirSync(installed).sort();
    for (const name of ['LICENSE', 'THIRD-PARTY.md', 'native', 'prebuilds']) assert.ok(names.includes(name), name);
    for (const name of ['test', 'src', 'scripts', 'build']) assert.ok(!names.includes(name), name);
  });

  test('has every file that its documents link to', () => {
    const links: string[] = [];
    for (const name of readdirSync(installed, { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.md') || name.includes('node_modules')) continue;
      const text = readFileSync(join(installed, name), 'utf8');
      for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
        if (/^[a-z]+:/.test(target)) continue;
        links.push(target);
        assert.ok(existsSync(join(installed, dirname(name), target)), `${name} links to ${target}`);
      }
    }
    assert.ok(links.length > 10, `${links.length} links`);
  });

  test('runs an ONNX model without compiler and Python', async (t) => {
    const ended = await runIn(t as TestContext, app, ['run.mjs', fixture('tiny.onnx'), ...numbers]);
    assert.deepEqual(ended, { code: 0, out: answer('onnx'), err: '' });
  });

  test('runs a TorchScript model where a libtorch is named', { skip: needsTorch }, async (t) => {
    const env = { INFERNODE_LIBTORCH: libtorch };
    const ended = await runIn(t as TestContext, app, ['run.mjs', fixture('tiny.pt'), ...numbers], env);
    assert.deepEqual(ended, { code: 0, out: answer('torch'), err: '' });
  });

  test('runs it with another version of libtorch as well', { skip: needsTorch || needsSecond }, async (t) => {
    const env = { INFERNODE_LIBTORCH: second };
    const doctor = await runIn(t as TestContext, app, [join(installed, 'dist/cli/main.js'), 'doctor'], env);
    // The wheel that this libtorch is from leaves CUDA to others.
    if (/is part of CUDA/.test(doctor.out)) return t.skip('the second libtorch is for CUDA, which is not here');
    assert.match(doctor.out, /torch 2\.14\.\S+: works/);
    const ended = await runIn(t as TestContext, app, ['run.mjs', fixture('tiny.pt'), ...numbers], env);
    assert.deepEqual(ended, { code: 0, out: answer('torch'), err: '' });
  });

  test('says what to do for a TorchScript model without libtorch', async (t) => {
    const cli = join(installed, 'dist/cli/main.js');
    const ended = await runIn(t as TestContext, app, [cli, 'inspect', fixture('tiny.pt')]);
    assert.equal(ended.code, 1);
    assert.match(ended.err, /no libtorch found: set INFERNODE_LIBTORCH .*INF_BACKEND_UNAVAILABLE/);
  });

  test('works from CommonJS by import() and, where Node.js has it, by require', async (t) => {
    const use = 'load(process.argv[1]).then((model) => { console.log(model.info.backend); return model.close(); })';
    const source = `import('infernode').then(({ load }) => ${use});`;
    const ended = await runIn(t as TestContext, app, ['--input-type=commonjs', '-e', source, fixture('tiny.onnx')]);
    assert.deepEqual([ended.code, ended.out], [0, 'onnx\n'], ended.err);
    if (!process.features.require_module) return;
    const required = `const { load } = require('infernode'); ${use};`;
    const args = ['--input-type=commonjs', '--no-warnings', '-e', required, fixture('tiny.onnx')];
    const again = await runIn(t as TestContext, app, args);
    assert.deepEqual([again.code, again.out], [0, 'onnx\n'], again.err);
  });
});

describe('a bundle of esbuild', { skip: needsPackage || needsTorch }, () => {
  const kinds = {
    'with the package left out': { format: 'esm', packages: 'external' },
    'as an ES module': {
      format: 'esm',
      external: ['onnxruntime-node', 'sharp'],
      banner: { js: "import { createRequire as r } from 'node:module'; const require = r(import.meta.url);" },
    },
  } as const;
  for (const [kind, options] of Object.entries(kinds)) {
    test(`${kind} finds the binaries and the workers`, async (t) => {
      const folder = join(app, `bundle-${options.format}-${'packages' in options}`);
      mkdirSync(folder, { recursive: true });
      const outfile = join(folder, 'main.mjs');
      await build({
        ...options,
        external: [...('external' in options ? options.external : [])],
        entryPoints: [join(app, 'run.mjs')],
        outfile,
        bundle: true,
        platform: 'node',
        target: 'node20',
        logLevel: 'silent',
      });
      for (const [model, backend] of [
        ['tiny.onnx', 'onnx'],
        ['tiny.pt', 'torch'],
      ] as const) {
        const ended = await runIn(t as TestContext, app, [outfile, fixture(model), ...numbers], {
          INFERNODE_LIBTORCH: libtorch,
        });
        assert.deepEqual(ended, { code: 0, out: answer(backend), err: '' });
      }
    });
  }

  test('as CommonJS does so too', async (t) => {
    const entry = join(await makeFolder(t as TestContext, {}), 'main.ts');
    writeFileSync(
      entry,
      `import { load } from 'infernode';
       load(process.argv[2]!).then((model) => { console.log(model.info.backend); return model.close(); });`,
    );
    const outfile = join(app, 'bundle.cjs');
    await build({
      entryPoints: [entry],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'cjs',
      logLevel: 'silent',
      external: ['onnxruntime-node', 'sharp'],
      nodePaths: [join(app, 'node_modules')],
    });
    for (const [model, backend] of [
      ['tiny.onnx', 'onnx'],
      ['tiny.pt', 'torch'],
    ] as const) {
      const ended = await runIn(t as TestContext, app, [outfile, fixture(model)], { INFERNODE_LIBTORCH: libtorch });
      assert.deepEqual([ended.code, ended.out], [0, `${backend}\n`], ended.err);
    }
  });
});

describe('a TypeScript program', { skip: needsPackage }, () => {
  const source = `
    import { type LoadOptions, load, type Model, Tensor } from 'infernode';
    import { createServer } from 'infernode/server';
    export async function first(path: string, options: LoadOptions = { backend: 'onnx' }): Promise<number> {
      const model: Model = await load(path, options);
      const { output } = await model.run([new Tensor('float32', Float32Array.of(1))]);
      // @ts-expect-error: an output may be missing
      output.item();
      return typeof createServer === 'function' ? Number(output!.item()) : 0;
    }`;
  for (const [module, moduleResolution] of [
    ['node16', 'node16'],
    ['esnext', 'bundler'],
  ]) {
    test(`finds the types with moduleResolution ${moduleResolution}`, async (t) => {
      const folder = join(app, `types-${moduleResolution}`);
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'main.mts'), source);
      const compilerOptions = {
        module,
        moduleResolution,
        target: 'es2022',
        lib: ['es2023', 'esnext.disposable'],
        strict: true,
        noUncheckedIndexedAccess: true,
        noEmit: true,
        skipLibCheck: true,
        types: ['node'],
        typeRoots: [join(repository, 'node_modules/@types')],
      };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.mts'] }));
      const tsc = join(repository, 'node_modules/typescript/bin/tsc');
      const ended = await runIn(t as TestContext, folder, [tsc, '-p', '.']);
      assert.deepEqual([ended.code, ended.out], [0, '']);
    });
  }
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import vm from 'node:vm';
import { abortError, ERRORS, type ErrorCode, InfernodeError, messageOf } from '#src/errors';
import { repository } from '../support/test-data.js';

const codes = Object.keys(ERRORS) as ErrorCode[];
const read = (path: string) => readFileSync(join(repository, path), 'utf8');

/** The files of a folder and its subfolders whose names end in `ending`. */
function files(folder: string, ending: string): string[] {
  const names = readdirSync(join(repository, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
}

describe('docs/ERRORS.md', () => {
  const sections = read('docs/ERRORS.md')
    .split(/^### /m)
    .slice(1)
    .map((section) => ({ code: section.slice(0, section.indexOf('\n')).trim(), body: section }));

  test('has one section for each code, and none for anything else', () => {
    assert.deepEqual(sections.map(({ code }) => code).sort(), [...codes].sort());
  });

  test('gives the HTTP status and gRPC code of each', () => {
    for (const { code, body } of sections) {
      const [, http, grpc] = /^HTTP (\d+), gRPC (\w+)$/m.exec(body) ?? [];
      const row = ERRORS[code as ErrorCode];
      assert.deepEqual([Number(http), grpc], [row.http, row.grpc], code);
    }
  });

  test('says of each what it means, what causes it and what to do', () => {
    for (const { code, body } of sections) {
      for (const part of ['Meaning', 'Cause', 'Do']) assert.match(body, new RegExp(`^- ${part}: \\S`, 'm'), code);
    }
  });

  test('names no code that there is not', () => {
    const named = new Set(read('docs/ERRORS.md').match(/\bINF_[A-Z_]+\b/g));
    assert.deepEqual([...named].sort(), [...codes].sort());
  });
});

describe('the codes', () => {
  test('are all raised somewhere in src', () => {
    const sources = files('src', '.ts').map((file) => ({ file, text: read(file) }));
    const unused = codes.filter((code) => {
      // In errors.ts the table itself does not count.
      const used = ({ file, text }: { file: string; text: string }) =>
        (file === join('src', 'errors.ts') ? text.slice(text.indexOf('export class')) : text).includes(`'${code}'`);
      return !sources.some(used);
    });
    assert.deepEqual(unused, []);
  });

  test('that src names in texts and comments exist', () => {
    for (const file of files('src', '.ts')) {
      for (const [, name] of read(file).matchAll(/\b(INF_[A-Z][A-Z_]*[A-Z])\b(?!_?\*)/g)) {
        if (name !== 'INF_BACKEND_ABI') assert.ok(name! in ERRORS, `${file}: ${name}`);
      }
    }
  });

  test('of native code exist, and each of its statuses has its own', () => {
    const statuses = /typedef enum inf_status \{([^}]*)\}/.exec(read('native/include/infernode/backend.h'))![1]!;
    const expected = [...statuses.matchAll(/^\s*(INF_\w+)/gm)]
      .map(([, name]) => name!)
      .filter((name) => name !== 'INF_OK');
    const failure = read('native/core/failure.cc');
    const mapped = [...failure.matchAll(/case (INF_\w+):\s*return "(INF_\w+)"/g)];
    for (const [, status, code] of mapped) assert.equal(code, status);
    const named = [...failure.matchAll(/"(INF_\w+)"/g)].map(([, code]) => code!);
    assert.deepEqual([...new Set(named)].sort(), expected.sort());
    for (const file of files('native', '.cc')) {
      for (const [, code] of read(file).matchAll(/"(INF_[A-Z_]+)"/g)) assert.ok(code! in ERRORS, `${file}: ${code}`);
    }
  });

  test('have statuses that HTTP knows for errors, and equal meanings over gRPC', () => {
    const pairs = new Map<string, Set<number>>();
    for (const [code, { http, grpc }] of Object.entries(ERRORS)) {
      assert.ok(http >= 400 && http < 600, code);
      pairs.set(grpc, (pairs.get(grpc) ?? new Set()).add(http));
    }
    assert.deepEqual(pairs.get('INVALID_ARGUMENT'), new Set([400]));
    assert.deepEqual(pairs.get('NOT_FOUND'), new Set([404]));
    assert.deepEqual(pairs.get('UNAVAILABLE'), new Set([503]));
  });
});

describe('an InfernodeError', () => {
  test('has code, message, details, cause, and the statuses of its code', () => {
    const cause = new Error('below');
    const details = { name: 'x', expected: 'a', given: 'b', more: 1 };
    const error = new InfernodeError('INF_INPUT_SHAPE', 'wrong', { cause, details });
    assert.ok(error instanceof Error);
    assert.deepEqual([error.name, error.code, error.message], ['InfernodeError', 'INF_INPUT_SHAPE', 'wrong']);
    assert.deepEqual([error.details, error.httpStatus, error.grpcCode], [details, 400, 'INVALID_ARGUMENT']);
    assert.equal(error.cause, cause);
    assert.match(error.stack!, /wrong[\s\S]*errors\.test/);
  });

  test('without cause and details', () => {
    const error = new InfernodeError('INF_INTERNAL', 'wrong');
    assert.deepEqual(error.details, {});
    assert.equal('cause' in error, false);
  });

  test('of an aborted call is an AbortError, as web APIs throw it', () => {
    const reason = { any: 'thing' };
    const error = abortError(AbortSignal.abort(reason), 'The call');
    assert.deepEqual([error.name, error.code, error.message], ['AbortError', 'INF_ABORTED', 'The call was aborted']);
    assert.equal(error.cause, reason);
    assert.equal((abortError(AbortSignal.abort(), 'It').cause as Error).name, 'AbortError');
  });

  test('shows no more than its own keys', () => {
    assert.deepEqual(Object.keys(new InfernodeError('INF_INTERNAL', 'x')).sort(), ['code', 'details', 'name']);
  });
});

describe('instanceof', () => {
  test('works across two copies of the package', async () => {
    const copy = `${import.meta.resolve('#src/errors')}?copy`;
    const other = (await import(copy)) as { InfernodeError: typeof InfernodeError };
    assert.notEqual(other.InfernodeError, InfernodeError);
    assert.ok(new other.InfernodeError('INF_INTERNAL', 'x') instanceof InfernodeError);
    assert.ok(new InfernodeError('INF_INTERNAL', 'x') instanceof other.InfernodeError);
  });

  test('works across realms', () => {
    const made = vm.runInNewContext(
      `Object.defineProperty(new Error('x'), Symbol.for('infernode.error'), { value: true })`,
    );
    assert.equal(made instanceof Error, false, 'the other realm has its own Error');
    assert.ok(made instanceof InfernodeError);
  });

  test('is not true of anything else', () => {
    for (const value of [new Error('x'), { code: 'INF_INTERNAL' }, null, undefined, 'x', 1, () => {}, {}]) {
      assert.equal((value as unknown) instanceof InfernodeError, false, String(value));
    }
  });
});

test('the message of whatever was thrown', () => {
  assert.equal(messageOf(new TypeError('x')), 'x');
  for (const [thrown, text] of [
    ['x', 'x'],
    [5, '5'],
    [null, 'null'],
    [undefined, 'undefined'],
  ] as const) {
    assert.equal(messageOf(thrown), text);
  }
});

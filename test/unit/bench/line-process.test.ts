import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LineProcess } from '../../../bench/contestants/line-process.js';
import { Absent } from '../../../bench/contestants/protocol.js';

/** A child that does as its question says. */
const SCRIPT = `
  require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { ask } = JSON.parse(line);
    if (ask === 'crash') { console.error('last words'); process.exit(3); }
    console.log(JSON.stringify(ask === 'add' ? { sum: 3 } : { [ask]: 'because' }));
  });
`;
type Ask = { readonly ask: 'add' | 'absent' | 'error' | 'crash' };
type Replies = Record<Ask['ask'], { readonly sum?: number }>;

test('a process is asked one thing after another', async (t) => {
  const child = new LineProcess<Ask, Replies>([process.execPath, '-e', SCRIPT]);
  t.after(() => child.end());
  assert.deepEqual(await child.ask({ ask: 'add' }), { sum: 3 });
  await assert.rejects(child.ask({ ask: 'absent' }), (error) => error instanceof Absent && error.message === 'because');
  await assert.rejects(
    child.ask({ ask: 'error' }),
    (error: Error) => !(error instanceof Absent) && error.message === 'because',
  );
  assert.deepEqual(await child.ask({ ask: 'add' }), { sum: 3 });
  await assert.rejects(child.ask({ ask: 'crash' }), /it ended by 3: last words/);
  await assert.rejects(child.ask({ ask: 'add' }), /it ended by 3/);
});

test('a program that is not there is absent', async () => {
  const child = new LineProcess<Ask, Replies>(['/nowhere/python']);
  await assert.rejects(child.ask({ ask: 'add' }), Absent);
});

test('a process that is still at work ends with whoever asked', async () => {
  const module = fileURLToPath(new URL('../../../bench/contestants/answer-lines.js', import.meta.url));
  const script = `import { answerLines } from '${module}'; answerLines({ work: () => { console.error('at work'); return new Promise(() => setInterval(() => {}, 10)); } });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['pipe', 'ignore', 'pipe'] });
  child.stdin.write('{"ask":"work"}\n');
  await once(child.stderr, 'data');
  child.stdin.end();
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
});

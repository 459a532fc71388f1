import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProgressBar } from '#src/cli/progress-bar';

function terminal(rest: Partial<NodeJS.WriteStream> = {}) {
  const written: string[] = [];
  const stream = { isTTY: true, columns: 60, write: (text: string) => written.push(text) > 0, ...rest };
  return { written, bar: new ProgressBar(stream as unknown as NodeJS.WriteStream) };
}

const CLEAR = '\r\x1b[K';

test('a bar fills up on one line', () => {
  const { written, bar } = terminal();
  bar.show(0, 'samples');
  bar.show(0.5, 'measure torch int8');
  bar.show(1, 'done');
  assert.deepEqual(written, [
    `${CLEAR}[${' '.repeat(24)}]   0%  samples`,
    `${CLEAR}[${'#'.repeat(12)}${' '.repeat(12)}]  50%  measure torch int8`,
    `${CLEAR}[${'#'.repeat(24)}] 100%  done`,
  ]);
});

test('does not say that it is done before it is', () => {
  const { written, bar } = terminal();
  bar.show(0.999, 'write');
  assert.match(written[0]!, /\] {2}99% {2}write/);
});

test('is cut off where the terminal ends', () => {
  for (const [columns, expected] of [
    [40, 39],
    [undefined, 79],
  ] as const) {
    const { written, bar } = terminal({ columns } as Partial<NodeJS.WriteStream>);
    bar.show(0.5, 'x'.repeat(200));
    assert.equal(written[0]!.length - CLEAR.length, expected);
  }
});

test('is cleared once, and only if it was shown', () => {
  const { written, bar } = terminal();
  bar.clear();
  bar.show(0, '');
  bar.clear();
  bar.clear();
  assert.deepEqual(written.slice(1), [CLEAR]);
});

test('writes a line for each milestone into a file', () => {
  const { written, bar } = terminal({ isTTY: false });
  bar.show(0.25, 'build');
  bar.show(0.5, 'measure torch int8', true);
  bar.clear();
  assert.deepEqual(written, [' 50%  measure torch int8\n']);
});

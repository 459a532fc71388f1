import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { absenceOf } from '../../../bench/report/absent.js';
import { causeOf, parseCauses } from '../../../bench/report/causes.js';
import { chartsOf } from '../../../bench/report/charts.js';
import { machineText, resultsMarkdown } from '../../../bench/report/markdown.js';
import { withFigures } from '../../../bench/report/readme.js';
import { summaryText } from '../../../bench/report/summary.js';
import { repository } from '../../support/test-data.js';
import { measured, resultOf } from './result.js';

const result = resultOf([
  measured('SingleStream', 'a', [20, 20, 20]),
  measured('SingleStream', 'x', [10, 10, 10]),
  measured('Offline', 'a', [30, 30, 30], { at: 8 }),
  measured('Offline', 'x', [10, 10, 10], { at: 8 }),
  measured('Batch', 'a', [10, 10, 10], { at: 1 }),
  measured('Batch', 'a', [30, 30, 30], { at: 8 }),
  measured('EventLoop', 'x', [9.5, 9.5, 9.5]),
  measured('Overhead', 'a', [5, 6, 7], { model: 'tiny', at: 1 }),
]);
const PLACE = { source: 'bench/results/some.json', docs: '../docs' };
const line = (text: string, start: string) => text.split('\n').find((each) => each.startsWith(start));

test('the results say who is faster, by how much, and where we lose why', () => {
  const causes = parseCauses('# Causes\n\n## SingleStream / * / fp32\n\nIt waits\nfor nothing.\n');
  const text = resultsMarkdown(result, [], causes, chartsOf(result), PLACE);
  assert.equal(
    line(text, '| SingleStream |'),
    '| SingleStream | net | fp32 | a: 20.0 ms | x: 10.0 ms | 0.50x (0.44..0.56) | 50 % | 3 x 3.3 |',
  );
  assert.equal(line(text, '- **'), '- **SingleStream / net / fp32**: 0.50x (0.44..0.56) of x. It waits for nothing.');
  assert.match(text, /from `bench\/results\/some\.json`; .*\(\.\.\/docs\/BENCH\.md#/);
  assert.match(text, /`quick`, 100 s, 3 rounds in 1 sitting\. /);
  assert.match(text, /!\[SingleStream: p90 latency.*\]\(results\/latency\.svg\)/);
  assert.match(text, /\| convolution \| bf16 \| torch \| absent: there is no libtorch \|/);
});

test('what other kinds of machines found is shown beside', () => {
  const [net] = result.models;
  const models = [net!, { ...net!, name: 'other', sittings: 3, serverSittings: 2 }];
  const other = { ...result, models, machine: { ...result.machine, cores: 64 } };
  const text = resultsMarkdown(result, [other], [], [], PLACE);
  assert.equal(text.split('\n').filter((each) => each.startsWith('| SingleStream |')).length, 2);
  assert.match(
    text,
    /## On other kinds of machines\n\n.* in 1 to 3 sittings, of servers in 2 sittings\. .* 64 cores .*`bench\/results\/quick-a-cpu-64-avx2\.json`/,
  );
});

test('a line that we lose for a reason that nobody wrote down says so', () => {
  assert.match(resultsMarkdown(result, [], [], [], PLACE), /of x\. The cause is not known yet\./);
});

test('what is slower by more than runs differ stands apart from what is not', () => {
  const both = resultOf([
    measured('SingleStream', 'a', [20, 20, 20]),
    measured('SingleStream', 'x', [10, 10, 10]),
    measured('Server', 'a', [9.5, 9.5, 9.5]),
    measured('Server', 'x', [10, 10, 10]),
  ]);
  const text = resultsMarkdown(both, [], [], [], PLACE);
  assert.match(
    text,
    /By more than runs differ:\n\n- \*\*SingleStream .*\n\nBy less than .*:\n\n- \*\*Server \/ net \/ fp32\*\*: 0\.95x/,
  );
  assert.doesNotMatch(resultsMarkdown(result, [], [], [], PLACE), /By less than/);
});

test('a model of which others alone computed in less than FP32 is named', () => {
  assert.doesNotMatch(resultsMarkdown(result, [], [], [], PLACE), /There is no line `reduced`/);
  const measurements = [...result.measurements, measured('Offline', 'x', [20, 20, 20], { precision: 'reduced' })];
  assert.match(resultsMarkdown({ ...result, measurements }, [], [], [], PLACE), /There is no line `reduced` of net: /);
});

test('where servers ran is said if any did', () => {
  const cores = { servers: '0', load: '1' };
  assert.doesNotMatch(machineText({ ...result, cores }), /Servers ran/);
  const models = result.models.map((model) => ({ ...model, serverSittings: 1 }));
  assert.match(machineText({ ...result, cores, models }), / Servers ran on core 0, the load generator on core 1\./);
});

test('models whose cores could go idle are named', () => {
  assert.match(machineText(result), / Cores were kept from going idle\.$/);
  const models = result.models.map((model) => ({ ...model, asleep: true }));
  assert.match(machineText({ ...result, models }), / Cores were kept from going idle, but for net\.$/);
  assert.doesNotMatch(machineText({ ...result, models, coresAwake: false }), /idle/);
});

test('settings of single models stand beside those of most', () => {
  const [first] = result.contestants;
  const of = (model: string, settings: string) => ({ ...first!, model, settings });
  const contestants = [of('p', 'int8'), of('q', 'fp32'), of('r', 'int8')];
  assert.match(resultsMarkdown({ ...result, contestants }, [], [], [], PLACE), / int8; q: fp32 /);
});

test('lines that are lost for the same reason stand together', () => {
  const both = resultOf([
    measured('SingleStream', 'a', [20, 20, 20]),
    measured('SingleStream', 'x', [10, 10, 10]),
    measured('Server', 'a', [5, 5, 5]),
    measured('Server', 'x', [10, 10, 10]),
  ]);
  const text = resultsMarkdown(both, [], parseCauses('## * / net / *\nIt waits.\n'), [], PLACE);
  assert.equal(text.split('It waits.').length, 2);
  assert.match(line(text, '- **')!, /^- \*\*SingleStream.* of x; \*\*Server .* of x\. It waits\.$/);
});

test('causes are found by scenario, model and precision', () => {
  const causes = parseCauses('## A / b / fp32\none\n## * / b / *\ntwo\n');
  assert.equal(causeOf(causes, { scenario: 'A', model: 'b', precision: 'fp32' }), 'one two');
  assert.equal(causeOf(causes, { scenario: 'C', model: 'd', precision: 'fp32' }), null);
  assert.throws(() => parseCauses('## A / b\n'), /is not SCENARIO/);
});

test('the causes of this repository can be read', () => {
  const causes = parseCauses(readFileSync(join(repository, 'bench/causes.md'), 'utf8'));
  assert.ok(causes.every(({ text }) => text !== ''));
});

test('charts are SVG, with a mark for each figure', () => {
  const charts = chartsOf(result);
  assert.deepEqual(
    charts.map(({ file }) => file),
    ['latency.svg', 'event-loop.svg', 'batch.svg'],
  );
  for (const { svg } of charts) assert.match(svg, /^<svg xmlns=.*<\/svg>\n$/s);
  const [latency, , batch] = charts.map(({ svg }) => svg);
  assert.equal(latency!.split('<rect x=').length - 1, 2);
  assert.equal(batch!.split('<circle').length - 1, 2);
  assert.doesNotMatch(charts.map(({ svg }) => svg).join(), /NaN|Infinity|undefined/);
});

test('only what is between the marks of the README changes', () => {
  const readme = readFileSync(join(repository, 'README.md'), 'utf8');
  const first = withFigures(readme, result);
  assert.match(first, /\| Offline \| net \| fp32 \| a: 30\.0/);
  const outside = (text: string) => text.replace(/(<!-- bench:begin.*?-->).*(<!-- bench:end -->)/s, '$1$2');
  assert.equal(outside(first), outside(readme));
  assert.equal(withFigures(first, result), first);
  assert.match(withFigures(first, null), /No results are here yet/);
  assert.throws(() => withFigures('no marks', result), /lacks/);
});

test('a reason is said once, for the models that it holds for', () => {
  const [first] = result.contestants;
  const of = (model: string, absent: string | null) => ({ ...first!, model, absent });
  assert.equal(absenceOf([of('p', 'no x'), of('q', 'no x')]), 'no x');
  assert.equal(absenceOf([of('p', 'no x'), of('q', null), of('r', 'no y')]), 'p: no x; r: no y');
  assert.equal(absenceOf([of('p', null)]), '');
});

test('the terminal names who was absent', () => {
  const [first, ...others] = result.contestants;
  const text = summaryText({ ...result, contestants: [{ ...first!, absent: 'no Python' }, ...others] });
  assert.match(text, /^absent: a: no Python$/m);
});

/**
 * node .build/ts/bench/main.js [--mode quick|full|smoke] [--models A,B] [--prepare] [--out FILE]: measures Infernode against what one would use
 * instead, and writes bench/results/MODE.json. npm run bench and npm run bench:full run it; docs/BENCH.md explains it.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { listBackends } from 'infernode';
import { libraryVersions } from '#src/config/environment';
import { systemInfo } from '#src/config/system-info';
import { MODELS } from './models/catalogue.js';
import { MADE } from './models/made.js';
import { modelFiles } from './models/prepare.js';
import { measureOverhead } from './overhead/overhead.js';
import { type BenchPlan, coreSplit, PLANS, threadBudget } from './plan.js';
import { summaryText } from './report/summary.js';
import { writeReport } from './report/write-report.js';
import type { BenchResult } from './results/result.js';
import { ROOT } from './root.js';
import { measureModel, prepareModel } from './scenarios/in-process.js';
import { Limits } from './scenarios/limits.js';
import { measureServers, prepareServers } from './serving/measure-servers.js';

const { values: flags } = parseArgs({
  options: {
    mode: { type: 'string', default: 'quick' },
    smoke: { type: 'boolean', default: false },
    prepare: { type: 'boolean', default: false },
    models: { type: 'string' },
    out: { type: 'string' },
  },
});
const mode = (flags.smoke ? 'smoke' : flags.mode) as BenchPlan['mode'];
if (!Object.hasOwn(PLANS, mode)) throw new Error(`--mode is quick, full or smoke, not ${mode}`);
const chosen = flags.models?.split(',');
const only = (names: readonly string[]) => names.filter((name) => chosen?.includes(name) ?? true);
const plan: BenchPlan = { ...PLANS[mode], models: only(PLANS[mode].models), served: only(PLANS[mode].served) };
const threads = threadBudget();
const say = (what: string) => console.error(`[${((performance.now() - began) / 1000).toFixed(0)} s] ${what}`);

// Servers and contestants end with this process, however it ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

let began = performance.now();
const models = MODELS.filter(({ name }) => plan.models.includes(name));
const prepared = [];
for (const model of models) prepared.push(await prepareModel(model, plan, threads, say));
const served = await prepareServers(plan, threads, say);

// What was made is kept, and takes no time in later runs.
if (flags.prepare) process.exit(0);

const date = new Date().toISOString();
began = performance.now();
const limits = await Limits.open(threads);
const contestants = [];
const measurements = [];
const facts = [];
try {
  for (const each of prepared) {
    const { name, title, boundMs } = each.model;
    say(`measure ${name}`);
    facts.push({
      name,
      title,
      boundMs,
      gops: await limits.operationsOf(each.model, (await modelFiles(each.model)).onnx),
    });
    const found = await measureModel(each, plan, threads, () => limits.round(plan.roundMs / 4));
    contestants.push(...found.contestants);
    measurements.push(...found.measurements);
  }
} finally {
  await limits.end();
}
say('measure overhead');
measurements.push(...(await measureOverhead(plan)));
say('measure servers');
const servers = await measureServers(served, plan, say);

const result: BenchResult = {
  schemaVersion: 1,
  date,
  seconds: Math.round((performance.now() - began) / 1000),
  machine: systemInfo(),
  versions: libraryVersions(await listBackends()),
  plan,
  threads,
  cores: coreSplit(),
  models: facts,
  contestants: [...contestants, ...servers.contestants],
  limits: limits.results,
  measurements: [...measurements, ...servers.measurements],
};
const file = flags.out ?? (mode === 'smoke' ? join(MADE, 'smoke.json') : join(ROOT, `bench/results/${mode}.json`));
await mkdir(dirname(file), { recursive: true });
await writeFile(file, `${JSON.stringify(result, null, 2)}\n`);
console.log(summaryText(result));
if (mode === 'smoke') {
  // So that what is written of results does not rot either.
  await mkdir(join(MADE, 'results'), { recursive: true });
  await writeReport(result, MADE);
}
say(`wrote ${file}`);

/**
 * node .build/ts/bench/main.js [--mode quick|full|smoke] [--models A,B] [--prepare] [--resume] [--out FILE]: measures Infernode
 * against what one would use instead, and writes bench/results/MODE-MACHINE.json. What it has so far it keeps after each part;
 * with --resume it goes on where that ends. npm run bench and npm run bench:full run it; docs/BENCH.md explains it.
 */
import { join } from 'node:path';
import { listBackends } from 'infernode';
import { libraryVersions } from '#src/config/environment';
import { systemInfo } from '#src/config/system-info';
import { Absent } from './contestants/protocol.js';
import { benchFlags } from './flags.js';
import { MODELS } from './models/catalogue.js';
import { MADE } from './models/made.js';
import { modelFiles } from './models/prepare.js';
import { measureOverhead } from './overhead/overhead.js';
import { type BenchPlan, coreSplit, PLANS, threadBudget } from './plan.js';
import { summaryText } from './report/summary.js';
import { writeReport } from './report/write-report.js';
import { ResultFile } from './results/result-file.js';
import { resultPath } from './results/result-files.js';
import { ROOT } from './root.js';
import { AwakeCores } from './scenarios/awake-cores.js';
import { measureSitting, prepareModel } from './scenarios/in-process.js';
import { Limits } from './scenarios/limits.js';
import { measureServers, prepareServers } from './serving/measure-servers.js';

const flags = benchFlags();
const { mode } = flags;
const only = (names: readonly string[]) => names.filter((name) => flags.models?.includes(name) ?? true);
const plan: BenchPlan = { ...PLANS[mode], models: only(PLANS[mode].models), served: only(PLANS[mode].served) };
const threads = threadBudget();
const say = (what: string) => console.error(`[${((performance.now() - began) / 1000).toFixed(0)} s] ${what}`);

// Servers and contestants end with this process, however it ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    console.error('given up; what was measured is kept: --resume goes on');
    process.exit(1);
  });
}

let began = performance.now();
const machine = systemInfo();
// Part of a result is none that others are held against.
const isWhole = mode !== 'smoke' && flags.models === undefined;
const file = flags.out ?? (isWhole ? join(ROOT, resultPath(mode, machine)) : join(MADE, `${mode}.json`));
const found = ResultFile.open(file, flags.resume, {
  schemaVersion: 2,
  date: new Date().toISOString(),
  seconds: 0,
  machine,
  versions: libraryVersions(await listBackends()),
  plan,
  threads,
  cores: coreSplit(),
  coresAwake: false,
  models: [],
  contestants: [],
  limits: [],
  measurements: [],
});
/** Whether there is another sitting: so many at least, and more of what is quick, and while a ratio says little. */
function wantsSitting(model: string): boolean {
  const { least, most } = plan.sittings;
  const done = found.sittingsOf(model);
  return done < least || (done < most && (found.isQuick(model) || found.saysLittle(model)));
}
const models = MODELS.filter(({ name }) => plan.models.includes(name) && wantsSitting(name));
try {
  for (const model of models) await modelFiles(model);
} catch (error) {
  // Without them there is nothing to measure.
  if (!(error instanceof Absent)) throw error;
  console.error(error.message);
  process.exit(1);
}
const prepared = [];
for (const model of models) prepared.push(await prepareModel(model, plan, threads, say));
const left = plan.served.filter((name) => found.serverSittingsOf(name) < plan.serverSittings);
const served = await prepareServers({ ...plan, served: left }, threads, say);

// What was made is kept, and takes no time in later runs.
if (flags.prepare) process.exit(0);

say('all is made; from here on is measured, by a clock of its own');
began = performance.now();
found.begin();
const awake = await AwakeCores.start();
process.once('exit', () => awake?.end());
if (awake === null) say('cores cannot be kept from going idle here: small models will vary more');
await found.add({ coresAwake: awake !== null });
const limits = await Limits.open(threads);
try {
  for (let sitting = 0; sitting < plan.sittings.most; sitting++) {
    for (const each of prepared) {
      const { name, title, boundMs } = each.model;
      if (found.sittingsOf(name) > sitting || !wantsSitting(name)) continue;
      say(`measure ${name}, sitting ${sitting + 1}`);
      const gops = await limits.operationsOf(each.model, (await modelFiles(each.model)).onnx);
      const earlier = found.measuredOf(name);
      const eachRound = () => limits.round(plan.roundMs / 4);
      const { asleep, ...measured } = await measureSitting(each, plan, threads, awake, earlier, eachRound);
      const serverSittings = found.serverSittingsOf(name);
      await found.add({
        ...measured,
        models: [{ name, title, boundMs, gops, asleep, sittings: sitting + 1, serverSittings }],
        limits: limits.results,
      });
    }
  }
} finally {
  await limits.end();
}
if (!found.hasOverhead()) {
  say('measure overhead');
  await found.add({ measurements: await measureOverhead(plan) });
}
for (let sitting = 0; sitting < plan.serverSittings; sitting++) {
  for (const name of left) {
    if (found.serverSittingsOf(name) > sitting) continue;
    say(`measure servers of ${name}, sitting ${sitting + 1}`);
    const ofModel = served.filter(({ model }) => model.name === name);
    const measured = await measureServers(ofModel, plan, found.serversOf(name), say);
    const models = found.result.models.filter((model) => model.name === name);
    await found.add({ ...measured, models: models.map((model) => ({ ...model, serverSittings: sitting + 1 })) });
  }
}
await found.finish();
console.log(summaryText(found.result));
if (mode === 'smoke') {
  // So that what is written of results does not rot either.
  await writeReport(found.result, file, [], join(MADE, 'smoke'));
}
say(`wrote ${file}`);
awake?.end();

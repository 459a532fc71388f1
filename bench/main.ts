/** npm run bench [-- --smoke]: what a call costs, and what an inference does to the event loop. */
import { cpus } from 'node:os';
import { measureLoopDelay, timeTasks } from './measure.js';
import { openPeers } from './peers.js';

const smoke = process.argv.includes('--smoke');
const rounds = smoke ? 1 : 7;
const roundMs = smoke ? 20 : 300;
const loopMs = smoke ? 200 : 5000;

const line = (...cells: (string | number)[]) =>
  console.log(cells.map((cell, i) => (i === 0 ? String(cell).padEnd(44) : String(cell).padStart(14))).join(''));

async function callCost(): Promise<void> {
  const peers = await openPeers('tiny', Float32Array.of(1, 2, 3, 4), [4]);
  const inFlight = 100;
  const tasks = peers.flatMap(({ name, run, runSync }) => [
    ...(runSync === null ? [] : [{ name: `${name}, runSync`, calls: 1, run: runSync }]),
    { name: `${name}, run one at a time`, calls: 1, run },
    {
      name: `${name}, run ${inFlight} in flight`,
      calls: inFlight,
      run: () => Promise.all(Array.from({ length: inFlight }, run)),
    },
  ]);
  const figures = await timeTasks(tasks, rounds, roundMs);
  const base = figures[0]!.median;
  console.log('\nCost of one call of a model that does next to nothing (y = 2x + 1, 4 floats)');
  line('', 'median us', 'min', 'max', 'ratio');
  tasks.forEach(({ name }, i) => {
    const { median, min, max } = figures[i]!;
    line(name, median.toFixed(1), min.toFixed(1), max.toFixed(1), (median / base).toFixed(2));
  });
  for (const { close } of peers) await close();
}

async function eventLoop(): Promise<void> {
  const size = 1536;
  const data = new Float32Array(size * size).fill(0.01);
  const peers = await openPeers('slow', data, [size, size], [4]);
  console.log('\nDelay of the event loop while an inference of this length runs back to back, one thread');
  line('', 'inference ms', 'delay p50 ms', 'p99 ms', 'max ms');
  for (const { name, run, close } of peers) {
    const { call, p50, p99, max } = await measureLoopDelay(run, loopMs);
    line(name, call.toFixed(1), p50.toFixed(1), p99.toFixed(1), max.toFixed(1));
    await close();
  }
}

console.log(`${cpus()[0]!.model.trim()}, ${cpus().length} cores, Node ${process.versions.node}`);
await callCost();
await eventLoop();

/**
 * node in-process.js MODEL INPUT SHAPE CLIENTS MILLISECONDS: what an engine does in its own process, with no server: clients
 * that send their next request when the last one is answered. Prints a LoadResult as JSON.
 */
import { Engine, Tensor } from 'infernode';
import { closedLoop } from './closed-loop.js';
import { pattern } from './raw-client.js';

const [path, input, shape, clients, milliseconds] = process.argv.slice(2) as [string, string, string, string, string];
const dims = JSON.parse(shape) as number[];
const engine = await Engine.open({ models: { model: path }, threads: 1 });
const tensor = new Tensor('float32', pattern(dims), dims);
const send = () => engine.infer('model', { inputs: { [input]: tensor } });
const durationMs = Number(milliseconds);
const result = await closedLoop(new Array(Number(clients)).fill(send), { warmUpMs: durationMs / 4, durationMs });
console.log(JSON.stringify(result));
await engine.close();

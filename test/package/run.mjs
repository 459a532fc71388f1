import { load, Tensor } from 'infernode';

// Doubles each number and adds one; run.mjs MODEL NUMBER...
const [path, ...numbers] = process.argv.slice(2);
const model = await load(path);
const x = new Tensor('float32', Float32Array.from(numbers.map(Number)));
const { output } = await model.run([x]);
console.log(JSON.stringify({ backend: model.info.backend, output: output.toArray() }));
await model.close();

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Tensor } from 'infernode';
import type { Engine, ModelState } from '#src/engine/engine';
import { encodeModel, node, value, weight } from './onnx-builder.js';

/** y = x + k, as an ONNX file: its answer to 0 tells which model it was. */
export function adding(k: number): Uint8Array {
  return encodeModel({
    node: [node('Add', ['x', 'k'], ['y'])],
    input: [value('x', 'float32', ['n'])],
    output: [value('y', 'float32', ['n'])],
    initializer: [weight('k', 'float32', [], Float32Array.of(k))],
  });
}

/** y = x as two elements, as an ONNX file: it fails for any other number of them, and only when it runs. */
export function pairing(): Uint8Array {
  return encodeModel({
    node: [node('Reshape', ['x', 'two'], ['y'])],
    input: [value('x', 'int64', ['n'])],
    output: [value('y', 'int64', ['two'])],
    initializer: [weight('two', 'int64', [1], BigInt64Array.of(2n))],
  });
}

/** y = the element x of 0 and 10, as an ONNX file: an x beyond 1 is refused, and only when it runs. */
export function picking(): Uint8Array {
  return encodeModel({
    node: [node('Gather', ['choices', 'x'], ['y'])],
    input: [value('x', 'int64', ['n'])],
    output: [value('y', 'float32', ['n'])],
    initializer: [weight('choices', 'float32', [2], Float32Array.of(0, 10))],
  });
}

/** y = x for rows [n, 1], as an ONNX file that takes its time: the more steps, the more. */
export function busy(steps: number): Uint8Array {
  const size = 1024;
  const layers = Array.from({ length: steps }, (_, step) => [
    node('MatMul', [`h${step}`, 'zeros'], [`z${step}`]),
    node('Tanh', [`z${step}`], [`h${step + 1}`]),
  ]);
  return encodeModel({
    node: [
      node('MatMul', ['x', 'ones'], ['h0']),
      ...layers.flat(),
      node('ReduceSum', [`h${steps}`, 'axes'], ['nothing']),
      node('Add', ['x', 'nothing'], ['y']),
    ],
    input: [value('x', 'float32', ['n', 1])],
    output: [value('y', 'float32', ['n', 1])],
    initializer: [
      weight('ones', 'float32', [1, size], new Float32Array(size).fill(1)),
      weight('zeros', 'float32', [size, size], new Float32Array(size * size)),
      weight('axes', 'int64', [1], BigInt64Array.of(1n)),
    ],
  });
}

/** What a model makes of 0. */
export async function answerOf(engine: Engine, name: string, version?: number): Promise<number> {
  const inputs = [new Tensor('float32', Float32Array.of(0))];
  const { outputs } = await engine.infer(name, { inputs, ...(version !== undefined && { version }) });
  return (Object.values(outputs)[0] as Tensor).data[0] as number;
}

/** The index in short: `net/2 READY`. */
export function index(engine: Engine): string[] {
  return engine.models().map(({ name, version, state }) => `${name}/${version} ${state}`);
}

/** The reason that the index gives. */
export function reasonOf(engine: Engine, name: string, version: number | null = 1): string {
  return engine.models().find((entry) => entry.name === name && entry.version === version)?.reason ?? 'no such entry';
}

/** Waits until it holds, and fails if that never comes. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  const start = performance.now();
  while (!(await holds())) {
    assert.ok(performance.now() - start < 60_000, `it never came about: ${holds}`);
    await sleep(5);
  }
}

/** Waits until the engine tells of this state of any model. */
export function stateOf(engine: Engine, state: ModelState): Promise<void> {
  return new Promise((resolve) => {
    engine.on('state', (entry) => entry.state === state && resolve());
  });
}

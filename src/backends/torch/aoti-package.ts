import { openPromise } from 'yauzl';
import { InfernodeError, messageOf } from '../../errors.js';
import { type DType, isDType } from '../../tensor/dtype.js';
import type { Signature, ValueInfo } from '../backend.js';

/** What an AOTInductor package says of itself. */
export interface AotiPackage {
  readonly signature: Signature;
  readonly outputNames: readonly string[];
}

/** Dtype and shape that one input's generated check demands. */
interface InputCheck {
  readonly dtype: DType | null;
  readonly shape: (number | null)[] | null;
  readonly maxShape: (number | null)[];
}

/**
 * Signature of an AOTInductor package (`.pt2`).
 *
 * The compiled code takes whatever it is given: wrong sizes and dtypes give wrong answers or a crash, not an error. But the
 * package holds the C++ source that it was compiled from, and torch writes a `check_input_N` function into that for each
 * input, which only runs under a debugging variable. The demands are read from there, and names from the call spec.
 *
 * @param specs the input and output call spec (pytree JSON) as the loaded package states them
 */
export async function readAotiPackage(path: string, specs: { input: string; output: string }): Promise<AotiPackage> {
  const source = (await readEntries(path, (name) => name.endsWith('wrapper.cpp')))[0];
  const inputNames = inputLeaves(specs.input);
  const outputNames = leafNames(parseSpec(specs.output), 'output', true);
  const checks = source === undefined ? [] : parseChecks(source);
  const inputs = inputNames.map((name, index) => describeInput(name, checks[index]));
  const outputs = outputNames.map((name) => describeInput(name, undefined));
  return { signature: { inputs, outputs }, outputNames };
}

/** The generated source of a large model has some megabytes. */
const LONGEST_TEXT = 2 ** 28;

export async function readEntries(path: string, wanted: (name: string) => boolean): Promise<string[]> {
  const texts: string[] = [];
  try {
    const zip = await openPromise(path, { lazyEntries: true });
    try {
      for await (const entry of zip.eachEntry()) {
        if (!wanted(entry.fileName)) continue;
        if (entry.uncompressedSize > LONGEST_TEXT) throw new Error(`${entry.fileName} is too long`);
        const chunks: Buffer[] = [];
        for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
        texts.push(Buffer.concat(chunks).toString('utf8'));
      }
    } finally {
      zip.close();
    }
  } catch (error) {
    throw new InfernodeError('INF_MODEL_INVALID', `${path} is damaged: ${messageOf(error)}`, { cause: error });
  }
  return texts;
}

/** A node of torch.utils._pytree's serialized TreeSpec; a leaf has no type. */
interface TreeSpec {
  readonly type: string | null;
  readonly context: string | null;
  readonly children_spec: readonly TreeSpec[];
}

/** @throws InfernodeError INF_MODEL_INVALID */
function parseSpec(text: string): TreeSpec {
  const spec = parseJson<[number, TreeSpec]>(text, 'call spec')[1];
  if (!Array.isArray(spec?.children_spec)) throw damaged('call spec', text);
  return spec;
}

export function parseJson<Value>(text: string, what: string): NonNullable<Value> {
  try {
    const value = JSON.parse(text) as Value;
    if (typeof value === 'object' && value !== null) return value;
  } catch (cause) {
    throw damaged(what, text, cause);
  }
  throw damaged(what, text);
}

export function damaged(what: string, text: string, cause?: unknown): InfernodeError {
  return new InfernodeError('INF_MODEL_INVALID', `The package's ${what} is damaged: ${text.slice(0, 80)}`, { cause });
}

/** Positional inputs have lost their names: `input_0`, `input_1`, ... Keyword inputs keep theirs. */
function inputLeaves(text: string): string[] {
  const [args, kwargs] = parseSpec(text).children_spec;
  const positional = args?.children_spec.flatMap((child, index) => leafNames(child, `input_${index}`, false)) ?? [];
  return kwargs === undefined ? positional : [...positional, ...leafNames(kwargs, '', true)];
}

/** The names of all leaves, by the rule of native/backends/torch/result.h. */
function leafNames(spec: TreeSpec, path: string, root: boolean): string[] {
  if (spec.type === null) return [path];
  const keys = dictKeys(spec);
  return spec.children_spec.flatMap((child, index) => {
    if (keys === undefined) return leafNames(child, `${path}.${index}`, false);
    return leafNames(child, root ? keys[index]! : `${path}.${keys[index]}`, false);
  });
}

/** The keys of a dict, OrderedDict or defaultdict; undefined for a tuple or a list. */
function dictKeys({ type, context }: TreeSpec): string[] | undefined {
  if (!type?.toLowerCase().endsWith('dict')) return undefined;
  const parsed = parseJson<unknown[] | { dict_context?: unknown }>(context ?? '[]', 'call spec');
  const keys = Array.isArray(parsed) ? parsed : parsed.dict_context;
  if (!Array.isArray(keys)) throw damaged('call spec', String(context));
  return keys.map(String);
}

function parseChecks(source: string): InputCheck[] {
  const checks: InputCheck[] = [];
  const bodies = source.split(/static void check_input_(\d+)\(/).slice(1);
  for (let i = 0; i + 1 < bodies.length; i += 2) {
    const body = bodies[i + 1]!.split('AOTI_NOINLINE')[0]!;
    checks[Number(bodies[i])] = parseCheck(body);
  }
  return checks;
}

function parseCheck(body: string): InputCheck {
  const dtype = /_expected_dtype = aoti_torch_dtype_(\w+)\(\)/.exec(body)?.[1];
  const sizes = [...body.matchAll(/_size\[(\d+)\]/g)].map((match) => Number(match[1]));
  const rank = sizes.length === 0 ? 0 : Math.max(...sizes) + 1;
  const shape: (number | null)[] = new Array(rank).fill(null);
  const maxShape: (number | null)[] = new Array(rank).fill(null);
  for (const [, size, axis] of body.matchAll(/if \((\d+) != \w+_size\[(\d+)\]\)/g)) shape[Number(axis)] = Number(size);
  for (const [, axis, size] of body.matchAll(/_size\[(\d+)\] > (\d+)\)/g)) {
    // A convolution's backend is chosen at compile time with a guard "batch < 16", which then stands here as a bound of 15
    // whatever was exported. The compiled code is right beyond it, so 15 tells nothing.
    if (Number(size) !== 15) maxShape[Number(axis)] = Number(size);
  }
  // The lower bound is not taken over: it is 2 for every dynamic size, since torch treats 0 and 1 apart, and 1 works.
  return { dtype: isDType(dtype) ? dtype : null, shape, maxShape };
}

function describeInput(name: string, check: InputCheck | undefined): ValueInfo {
  return {
    name,
    kind: 'tensor',
    type: 'Tensor',
    optional: false,
    dtype: check?.dtype ?? null,
    shape: check?.shape ?? null,
    ...(check?.maxShape.some((size) => size !== null) ? { maxShape: check.maxShape } : {}),
  };
}

import { existsSync } from 'node:fs';
import type { InputValue, Signature, ValueInfo } from '../backends/backend.js';
import type { ModelConfig } from '../config/model-config.js';
import { didYouMean } from '../config/suggest.js';
import { InfernodeError } from '../errors.js';
import { findInput, findRoot } from '../processing/find-input.js';
import { type ImageOptions, imageInput, imageProcessing } from '../processing/image-input.js';
import { isPicture, listPictures, readValue } from '../processing/input-value.js';
import { DTYPES, type DType } from '../tensor/dtype.js';
import { formatValue } from './output.js';

/** Everything given for one input: one value, or several that make a batch. */
export interface GivenInput {
  /** The name of an input, or the path of an element: `hc0.0`. */
  readonly name: string;
  readonly info: ValueInfo;
  /** What was given, as it was given: the path of a file, or JSON. */
  readonly sources: readonly string[];
  readonly values: readonly InputValue[];
}

/**
 * Reads every `--input`.
 *
 * @param args `NAME=VALUE`, `NAME:DTYPE=VALUE` where the model does not say its dtype, or `VALUE` for the model's only input, its only required one, or its input for pictures
 * @throws InfernodeError INF_OPTION_INVALID, INF_INPUT_UNKNOWN, INF_FILE_INVALID, INF_TENSOR_*
 */
export async function readInputs(
  args: readonly string[],
  signature: Signature,
  options: ImageOptions,
  config: ModelConfig | null,
): Promise<GivenInput[]> {
  const sources = new Map<string, string[]>();
  const dtypes = new Map<string, DType>();
  const pictures = config?.processing?.image;
  for (const arg of args) {
    const { name, dtype, text } = split(arg, signature);
    if (name !== undefined && dtype !== undefined) dtypes.set(name, dtype);
    for (const source of await listPictures(text)) {
      const target = name ?? defaultInput(signature, isPicture(source) ? imageInput(signature, pictures) : undefined);
      sources.set(target, [...(sources.get(target) ?? []), source]);
    }
  }
  checkPresent(sources, signature);
  const inputs: GivenInput[] = [];
  for (const [name, texts] of sources) {
    const declared = findInput(signature, name)!;
    const info = { ...declared, dtype: dtypes.get(name) ?? declared.dtype };
    const processing = () => imageProcessing(options, pictures, info);
    const values: InputValue[] = [];
    for (const text of texts) values.push(await readValue(text, info, processing));
    inputs.push({ name, info, sources: texts, values });
  }
  return inputs;
}

/** What stands before the `=` of an argument: nothing, a name, or a name with a dtype. */
interface SplitInput {
  readonly name?: string;
  readonly dtype?: DType;
  readonly text: string;
}

/** Takes `NAME=` or `NAME:DTYPE=` off, unless the whole is the name of a file with `=` in it. */
function split(arg: string, signature: Signature): SplitInput {
  const equals = arg.indexOf('=');
  if (equals <= 0) return { text: arg };
  const name = arg.slice(0, equals);
  const text = arg.slice(equals + 1);
  if (findInput(signature, name) !== undefined) return { name, text };
  const colon = name.lastIndexOf(':');
  const dtype = name.slice(colon + 1);
  const plain = name.slice(0, Math.max(colon, 0));
  if (Object.hasOwn(DTYPES, dtype) && findInput(signature, plain) !== undefined) {
    return { name: plain, dtype: dtype as DType, text };
  }
  if (existsSync(arg)) return { text: arg };
  const names = signature.inputs.map((input) => input.name);
  throw new InfernodeError(
    'INF_INPUT_UNKNOWN',
    `The model has no input "${name}"${didYouMean(name, names)}; ${list(signature)}`,
    {
      details: { name, expected: names.join(', '), given: name },
    },
  );
}

function defaultInput(signature: Signature, forPictures: ValueInfo | undefined): string {
  if (forPictures !== undefined) return forPictures.name;
  const { inputs } = signature;
  const required = inputs.filter(({ optional }) => !optional);
  const only = inputs.length === 1 ? inputs[0] : required.length === 1 ? required[0] : undefined;
  if (only !== undefined) return only.name;
  throw new InfernodeError('INF_OPTION_INVALID', `Say which input it is, --input NAME=VALUE; ${list(signature)}`);
}

function checkPresent(sources: ReadonlyMap<string, unknown>, signature: Signature): void {
  const given = new Set(Array.from(sources.keys(), (name) => findRoot(signature, name) ?? name));
  const missing = signature.inputs.filter(({ name, optional }) => !optional && !given.has(name));
  if (missing.length === 0) return;
  const names = missing.map(({ name }) => name).join(', ');
  throw new InfernodeError('INF_INPUT_MISSING', `Input ${names} is missing: --input NAME=VALUE; ${list(signature)}`, {
    details: { name: missing[0]!.name, expected: names, given: 'nothing' },
  });
}

function list({ inputs }: Signature): string {
  if (inputs.length === 0) return 'it takes no inputs';
  return `it takes ${inputs.map((input) => `${input.name} (${formatValue(input)})`).join(', ')}`;
}

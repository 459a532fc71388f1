import { openPromise } from 'yauzl';
import type { ModelFormat } from '../backends/backend.js';
import { InfernodeError, messageOf } from '../errors.js';
import { COMPILE_HINT, EXPORT_HINT } from './export-hint.js';

/** A zip with more entries is no model; the largest TorchScript files have some ten thousand. */
const MAX_ENTRIES = 500_000;

/** A kind of zip archive, told by the names in it; the first that matches counts. `what` goes on after "<path> ". */
type ZipKind =
  | { readonly matches: (names: readonly string[]) => boolean; readonly format: ModelFormat }
  | { readonly matches: (names: readonly string[]) => boolean; readonly what: string };

const KINDS: readonly ZipKind[] = [
  { matches: some(/(^|\/)data\/aotinductor\/.*\.(so|dll|pyd|dylib)$/), format: 'aotinductor' },
  {
    matches: some(/(^|\/)data\/aotinductor\//),
    what: `is an AOTInductor package without a compiled library (sources only). ${COMPILE_HINT}`,
  },
  // Scripted, traced and lite-interpreter files with their code; also those of torch 1.0 (model.json for data.pkl).
  {
    matches: (names) => some(/^[^/]+\/code\//)(names) && some(/^[^/]+\/(data\.pkl|model\.json)$/)(names),
    format: 'torchscript',
  },
  {
    matches: some(/^[^/]+\/bytecode\.pkl$/),
    what: `is a lite-interpreter file without TorchScript code, which only PyTorch Mobile runs. ${EXPORT_HINT}`,
  },
  {
    matches: some(/(^|\/)(models\/[^/]+\.json|serialized_exported_program\.json|archive_format)$/),
    what: `is an exported program (torch.export.save) that is not compiled. ${COMPILE_HINT}`,
  },
  {
    matches: some(/(^|\/)\.data\/(extern_modules|python_version)$/),
    what: `is a torch.package archive of Python code. ${EXPORT_HINT}`,
  },
  {
    matches: some(/(^|\/)data\.pkl$/),
    what: `is a pickle (torch.save of a state_dict or a module), which holds weights but no program and can run any code when it is opened; Infernode does not unpickle. ${EXPORT_HINT}`,
  },
  { matches: some(/^MAR-INF\//), what: 'is a TorchServe archive; unpack it and give the model file in it' },
  {
    matches: some(/(^|\/)model\.weights\.h5$/),
    what: 'is a Keras model; convert it with tf2onnx and give the .onnx file',
  },
  { matches: some(/(^|\/)saved_model\.pb$/), what: 'is a packed TensorFlow SavedModel; convert it with tf2onnx' },
  {
    matches: (names) => names.length > 0 && names.every((name) => name.endsWith('.npy')),
    what: 'is a NumPy archive (.npz), not a model',
  },
  {
    matches: some(/\.(pt|pth|onnx|pt2|ptl)$/),
    what: 'is a zip archive with a model in it; unpack it and give the model file',
  },
];

/**
 * Tells what a zip file is by the names in it.
 *
 * @throws InfernodeError INF_MODEL_INVALID if it is cut short or damaged, INF_MODEL_FORMAT if it is no model
 */
export async function zipFormat(path: string): Promise<ModelFormat> {
  const names = await listNames(path);
  const kind = KINDS.find(({ matches }) => matches(names));
  if (kind !== undefined && 'format' in kind) return kind.format;
  const what = kind?.what ?? `is a zip archive, but no model that Infernode knows. ${EXPORT_HINT}`;
  throw new InfernodeError('INF_MODEL_FORMAT', `${path} ${what}`, { details: { path } });
}

/** The names of the entries. Nothing is unpacked. */
async function listNames(path: string): Promise<string[]> {
  try {
    const zip = await openPromise(path, { lazyEntries: true, autoClose: false });
    try {
      if (zip.entryCount > MAX_ENTRIES) throw new Error(`it claims to have ${zip.entryCount} entries`);
      const names: string[] = [];
      for await (const entry of zip.eachEntry()) names.push(entry.fileName);
      return names;
    } finally {
      zip.close();
    }
  } catch (cause) {
    throw new InfernodeError(
      'INF_MODEL_INVALID',
      `${path} is a zip file (TorchScript or .pt2?) that is cut short or damaged (${messageOf(cause)}); download or export it again`,
      { cause, details: { path } },
    );
  }
}

function some(pattern: RegExp): (names: readonly string[]) => boolean {
  return (names) => names.some((name) => pattern.test(name));
}

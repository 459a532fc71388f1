import { EXPORT_HINT } from './export-hint.js';

/** A kind of file that is often taken for a model; `what` goes on after "<path> ". */
interface Foreign {
  readonly matches: (head: Buffer, fileSize: number) => boolean;
  readonly what: string;
}

const PICKLE = `is a pickle (torch.save of a state_dict or a module), which holds weights but no program and can run any code when it is opened; Infernode does not unpickle. ${EXPORT_HINT}`;

/** The first match counts. */
const FOREIGN: readonly Foreign[] = [
  {
    matches: starts('version https://git-lfs.github.com/spec/'),
    what: 'is a Git LFS pointer, not the model itself; run `git lfs pull` in its repository',
  },
  {
    matches: (head) => head.length < 1024 && head.includes('/annex/objects/'),
    what: 'is a git-annex pointer, not the model itself; run `git annex get` in its repository',
  },
  {
    matches: (head) => /^\s*<(!doctype\s+html|html|head|body)\b/i.test(textOf(head)),
    what: 'is an HTML page, so the download of the model failed (a login page or an error?); download it again',
  },
  { matches: at(0, '\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.'), what: PICKLE },
  { matches: (head) => head[0] === 0x80 && head[1]! >= 2 && head[1]! <= 5, what: PICKLE },
  { matches: at(0, 'GGUF'), what: 'is a GGUF model; run it with llama.cpp (node-llama-cpp in Node.js)' },
  {
    matches: at(4, 'TFL3'),
    what: 'is a TensorFlow Lite model; convert it with tf2onnx --tflite and give the .onnx file',
  },
  { matches: at(4, 'ORTM'), what: 'is a model in ORT format; give the .onnx file it was made from' },
  {
    matches: (head) => /^ET\d\d$/.test(head.toString('latin1', 4, 8)),
    what: `is an ExecuTorch program. ${EXPORT_HINT}`,
  },
  {
    matches: at(0, '\x89HDF\r\n\x1a\n'),
    what: 'is an HDF5 file (a Keras model or weights); convert it with tf2onnx and give the .onnx file',
  },
  {
    matches: isSafetensors,
    what: `is a safetensors file, which holds weights without a program. ${EXPORT_HINT}`,
  },
  { matches: at(0, '\x93NUMPY'), what: 'is a NumPy array, not a model; it may be an input of one' },
  {
    matches: (head) => at(0, '\x7fELF')(head) || at(0, 'MZ')(head) || at(0, '\xcf\xfa\xed\xfe')(head),
    what: 'is a program or shared library, not a model; an AOTInductor model is given as the .pt2 package that torch._inductor.aoti_compile_and_package writes',
  },
  { matches: at(0, '\x1f\x8b'), what: 'is compressed with gzip; unpack it first' },
  { matches: at(0, 'BZh'), what: 'is compressed with bzip2; unpack it first' },
  { matches: at(0, '\xfd7zXZ\0'), what: 'is compressed with xz; unpack it first' },
  { matches: at(0, '\x28\xb5\x2f\xfd'), what: 'is compressed with zstd; unpack it first' },
  { matches: at(257, 'ustar'), what: 'is a tar archive; unpack it first' },
  { matches: (head) => /^\s*<\?xml/.test(textOf(head)), what: 'is an XML file, not a model' },
  { matches: (head) => /^\s*[[{]/.test(textOf(head)) && isText(head), what: 'is a JSON or text file, not a model' },
  { matches: isText, what: 'is a text file, not a model' },
];

/** What a file is that is no model Infernode runs, and what to do; undefined if its head matches none that is known. */
export function foreignFormat(head: Buffer, fileSize: number): string | undefined {
  return FOREIGN.find(({ matches }) => matches(head, fileSize))?.what;
}

function starts(text: string): (head: Buffer) => boolean {
  return (head) => textOf(head).startsWith(text);
}

/** Bytes, written as Latin-1, at an offset. */
function at(offset: number, bytes: string): (head: Buffer) => boolean {
  return (head) => head.toString('latin1', offset, offset + bytes.length) === bytes;
}

function textOf(head: Buffer): string {
  return head.toString('utf8', 0, 256).replace(/^\uFEFF/, '');
}

/** The length of a JSON header as a 64-bit integer, then the header. */
function isSafetensors(head: Buffer, fileSize: number): boolean {
  if (head.length < 10 || head[8] !== 0x7b) return false;
  return head.readBigUInt64LE(0) <= BigInt(fileSize - 8);
}

/** Printable ASCII and line ends only; a protobuf has control characters within its first bytes. */
function isText(head: Buffer): boolean {
  return head.every((byte) => (byte >= 0x20 && byte !== 0x7f) || (byte >= 0x09 && byte <= 0x0d)) && head[0]! < 0x80;
}

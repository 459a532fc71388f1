import type { ExternalFile } from './external-data.js';
import { useFileBytes } from './file-bytes.js';

/** A file of weights as the runtime takes it. */
export interface ExternalBytes {
  readonly path: string;
  readonly data: Uint8Array;
}

/** The runtime's binding takes no more of one file. */
const LARGEST = 2 ** 31 - 1;

/**
 * Lends the bytes of weights to `use`. Files whose bytes the runtime is not given, it maps: whoever then writes into one
 * changes the weights of a model that serves, and whoever cuts it short ends the process. It copies what it is given, and
 * takes all files or none; so a model with a huge one is mapped.
 */
export async function useExternalBytes<T>(
  files: readonly ExternalFile[],
  use: (bytes: readonly ExternalBytes[]) => Promise<T>,
): Promise<T> {
  return files.some(({ bytes }) => bytes > LARGEST) ? use([]) : useEach(files, [], use);
}

async function useEach<T>(
  [file, ...others]: readonly ExternalFile[],
  bytes: readonly ExternalBytes[],
  use: (bytes: readonly ExternalBytes[]) => Promise<T>,
): Promise<T> {
  if (file === undefined) return use(bytes);
  const { location } = file;
  // The binding takes one `./` off, and then finds names only as the model has them.
  const path = location.startsWith('./') ? `./${location}` : location;
  return useFileBytes(file.path, (data) => useEach(others, [...bytes, { path, data }], use));
}

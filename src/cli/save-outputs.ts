import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InfernodeError, messageOf } from '../errors.js';
import { writeNpy } from '../tensor/npy.js';
import type { Answer } from './run-calls.js';

/**
 * Writes each output to `DIR/NAME.npy`, or `DIR/CALL/NAME.npy` if there were several calls, counted from 0.
 *
 * @returns the paths
 * @throws InfernodeError INF_FILE_INVALID
 */
export async function saveOutputs(folder: string, answers: readonly Answer[]): Promise<string[]> {
  const saved: string[] = [];
  try {
    for (const [index, { outputs }] of answers.entries()) {
      const home = answers.length === 1 ? folder : join(folder, String(index));
      await mkdir(home, { recursive: true });
      const taken = new Set<string>();
      for (const [name, tensor] of Object.entries(outputs)) {
        const file = join(home, `${fileName(name, taken)}.npy`);
        await writeFile(file, writeNpy(tensor));
        saved.push(file);
      }
    }
  } catch (cause) {
    if (cause instanceof InfernodeError) throw cause;
    throw new InfernodeError('INF_FILE_INVALID', `Cannot write to ${folder}: ${messageOf(cause)}`, { cause });
  }
  return saved;
}

/** A model chooses the names of its outputs; they must not leave the folder, nor overwrite each other. */
function fileName(name: string, taken: Set<string>): string {
  const plain =
    name
      .replace(/[^\w.-]/g, '_')
      .replace(/^\.+/, '_')
      .slice(0, 100) || 'output';
  let unique = plain;
  // Some file systems take `A` and `a` for one name.
  for (let count = 1; taken.has(unique.toLowerCase()); count++) unique = `${plain}_${count}`;
  taken.add(unique.toLowerCase());
  return unique;
}

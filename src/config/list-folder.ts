import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** The paths of what is in a folder, in alphabetical order; none if it cannot be read. */
export function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder)
      .sort()
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository. Tests run from .build/ts/test/support. */
export const repository = fileURLToPath(new URL('../../../..', import.meta.url));

/** The bundled model folder, its pictures and its expected labels. */
export const bundledModel = join(repository, 'models/shapes');

const folder = process.env.INFERNODE_TEST_DATA ?? join(repository, '../shared/data');

/** The folder of real models and labelled data, null where it is not at hand. */
export const testData: string | null = existsSync(join(folder, 'MANIFEST.md')) ? folder : null;

/** A test's option: skips it, and says why, where the data is not at hand. */
export const needsTestData = testData === null ? 'needs the real models: set INFERNODE_TEST_DATA' : false;

/** The path of a file of the test data. */
export function dataFile(path: string): string {
  return join(testData ?? folder, path);
}

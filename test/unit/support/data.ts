import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

/** The folder of real models and pictures: INFERNODE_TEST_DATA, else ../shared/data beside the repository; or undefined. */
export const testData: string | undefined = [process.env.INFERNODE_TEST_DATA, resolve('..', 'shared', 'data')].find(
  (folder) => folder !== undefined && existsSync(join(folder, 'models')),
);

/** Why a test that needs `testData` is skipped, or false. */
export const skipWithoutData: string | false = testData === undefined ? 'needs INFERNODE_TEST_DATA' : false;

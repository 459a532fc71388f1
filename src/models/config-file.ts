import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { type ModelConfig, readModelConfig } from '../config/model-config.js';

/** A model's settings and where they stand; both null if there are none. */
export interface FoundConfig {
  readonly config: ModelConfig | null;
  readonly configFile: string | null;
}

const NONE: FoundConfig = { config: null, configFile: null };
const NAME = 'model.json';

/**
 * The settings of a folder's model: its own model.json, or for a version folder that of the model folder.
 *
 * @throws InfernodeError INF_MODEL_CONFIG if there is one, but wrong
 */
export async function configOfFolder(folder: string, isVersion: boolean): Promise<FoundConfig> {
  const places = isVersion ? [join(folder, NAME), join(dirname(resolve(folder)), NAME)] : [join(folder, NAME)];
  for (const configFile of places) {
    if (await isFile(configFile)) return { config: await readModelConfig(configFile), configFile };
  }
  return NONE;
}

/**
 * The settings of a model file: those of its folder if it is called `model.*` or stands in a version folder, else
 * `<name>.json` beside it, unless that is the JSON of something else.
 *
 * @throws InfernodeError INF_MODEL_CONFIG if there is a model.json, or a `<name>.json` with `processing`, but wrong
 */
export async function configBeside(file: string, inVersion: boolean): Promise<FoundConfig> {
  const folder = dirname(file);
  const stem = basename(file, extname(file));
  if (stem !== 'model') {
    const configFile = join(folder, `${stem}.json`);
    if (await isFile(configFile)) {
      const config = await readModelConfig(configFile).catch((error) => nullUnlessMeant(configFile, error));
      if (config !== null) return { config, configFile };
    }
    if (!inVersion) return NONE;
  }
  return configOfFolder(folder, inVersion);
}

/** A JSON that does not fit is a tokenizer's or the like, but nothing else has `processing`. */
async function nullUnlessMeant(file: string, error: unknown): Promise<null> {
  if ((await readFile(file, 'utf8').catch(() => '')).includes('"processing"')) throw error;
  return null;
}

async function isFile(path: string): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() ?? false;
}

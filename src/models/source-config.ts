import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type ModelConfig, parseModelConfig, type RawConfig, withLabels } from '../config/model-config.js';
import { InfernodeError, messageOf } from '../errors.js';
import { confineText } from './confine.js';

/** Settings as they stand in a file; the labels file they name has not been read. */
export interface SourceConfig {
  readonly raw: RawConfig;
  /** Where they stand, or would stand: paths in them are relative to its folder. */
  readonly file: string;
}

/** A file that may hold settings. `<name>.json` beside a model may as well be a tokenizer's or the like. */
export interface ConfigPlace {
  readonly file: string;
  readonly mayBeOther: boolean;
}

/**
 * Reads the first of these files that is there and holds settings.
 *
 * @throws InfernodeError INF_MODEL_CONFIG, INF_MODEL_UNSAFE
 */
export async function readSourceConfig(
  places: readonly ConfigPlace[],
  root: string | null,
): Promise<SourceConfig | null> {
  for (const { file, mayBeOther } of places) {
    const text = await readText(file, root);
    if (text === null) continue;
    try {
      return { raw: parseModelConfig(parseJson(text, file), file), file };
    } catch (error) {
      // Nothing but settings has `processing`.
      if (!mayBeOther || text.includes('"processing"')) throw error;
    }
  }
  return null;
}

/** The settings with their labels. @throws InfernodeError INF_MODEL_CONFIG, INF_MODEL_UNSAFE */
export async function readLabelled({ raw, file }: SourceConfig, root: string | null): Promise<ModelConfig> {
  const labels = labelsFile({ raw, file });
  if (labels !== null) await confineText(labels, root);
  return withLabels(raw, file);
}

/** The labels file that settings name, null if they name none. */
export function labelsFile({ raw, file }: SourceConfig): string | null {
  const { labels } = raw.processing ?? {};
  return typeof labels === 'string' ? resolve(dirname(file), labels) : null;
}

async function readText(file: string, root: string | null): Promise<string | null> {
  try {
    await confineText(file, root);
    return (await readFile(file, 'utf8')).replace(/^\uFEFF/, '');
  } catch (cause) {
    const missing = (error: unknown) => ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException)?.code ?? '');
    if (missing(cause) || missing((cause as Error).cause)) return null;
    if (cause instanceof InfernodeError) throw cause;
    throw configError(file, `cannot be read: ${messageOf(cause)}`, cause);
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw configError(file, `is not JSON: ${messageOf(cause)}`, cause);
  }
}

function configError(file: string, what: string, cause: unknown): InfernodeError {
  const details = { file, path: '', expected: 'a JSON object' };
  return new InfernodeError('INF_MODEL_CONFIG', `${file} ${what}`, { cause, details });
}

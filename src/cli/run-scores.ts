import type { Outputs } from '../backends/backend.js';
import { readLabels } from '../config/labels.js';
import type { ModelConfig } from '../config/model-config.js';
import { InfernodeError } from '../errors.js';
import { type Classification, classCount, topK } from '../processing/labels.js';
import type { Tensor } from '../tensor/tensor.js';

/** The flags about classes, as Commander parses them. */
export interface ScoreOptions {
  readonly top?: number;
  readonly labels?: string;
  readonly softmax?: boolean;
}

/** The best classes of one output. */
export interface BestClasses {
  /** The output that holds the scores. */
  readonly output: string;
  /** For each row of the batch, best first. */
  readonly rows: readonly (readonly Classification[])[];
}

const DEFAULT_TOP = 5;

/**
 * A function that picks the best classes out of a call's outputs: null if neither labels nor `--top` ask for it, or if only
 * the labels of model.json do and no output fits them.
 *
 * @throws InfernodeError INF_FILE_INVALID for the labels; the function INF_OPTION_INVALID if a flag asks and no output fits
 */
export async function scoring(
  options: ScoreOptions,
  config: ModelConfig | null,
): Promise<(outputs: Outputs) => BestClasses | null> {
  const own = config?.processing;
  const labels = options.labels === undefined ? own?.labels : await readLabels(options.labels);
  const softmax = options.softmax ?? own?.softmax;
  const asked = options.top !== undefined || options.labels !== undefined;
  return (outputs) => {
    if (!asked && labels === undefined) return null;
    const output = scoreOutput(outputs, labels);
    if (output !== undefined)
      return { output, rows: topK(outputs[output]!, options.top ?? DEFAULT_TOP, labels, softmax) };
    if (!asked) return null;
    throw new InfernodeError(
      'INF_OPTION_INVALID',
      `No output looks like scores of classes${describe(outputs, labels)}`,
    );
  };
}

/** The only output with a score for each label; without labels, the only one with several scores a row. */
function scoreOutput(outputs: Outputs, labels: readonly string[] | undefined): string | undefined {
  const names = Object.keys(outputs).filter((name) => fits(outputs[name]!, labels?.length));
  return names.length === 1 ? names[0] : undefined;
}

function fits({ dtype, shape }: Tensor, labels: number | undefined): boolean {
  const classes = dtype === 'string' ? null : classCount(shape);
  return classes !== null && (labels === undefined ? classes > 1 : classes === labels);
}

function describe(outputs: Outputs, labels: readonly string[] | undefined): string {
  const shapes = Object.entries(outputs).map(([name, { shape }]) => `${name} [${shape.join(', ')}]`);
  return `${labels === undefined ? '' : ` for ${labels.length} labels`}: ${shapes.join(', ')}`;
}

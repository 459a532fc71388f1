import type { Outputs } from '../backends/backend.js';
import { classCount } from '../processing/labels.js';
import type { Tensor } from '../tensor/tensor.js';

/** How near a candidate's answers come to those of the float model, over all validation samples. */
export interface Accuracy {
  /**
   * The cosine between answer and reference, of the output that agrees least; 1 is equal. The mean over samples or that of
   * all samples together, whichever is lower: single numbers of one sign have a cosine of 1 whatever they are. Where all
   * outputs are whole numbers, the mean share of those that are equal.
   */
  readonly cosine: number;
  /** Signal to noise, 10 log10(sum of squares / sum of squared differences), in dB, of that output; null if equal. */
  readonly snrDb: number | null;
  /** The share of samples whose best class is that of the reference; null if no output has scores of classes. */
  readonly agreement: number | null;
  /** The share of samples whose best class is the labelled one; null without labels. */
  readonly top1: number | null;
  readonly samples: number;
  /** How many of them top-1 is of. */
  readonly labelled: number;
}

/** Float32 rounds to such a cosine; where nothing may be lost, this still may. */
const ROUNDING = 1e-9;

interface Sums {
  cosine: number;
  dot: number;
  /** Sums of squares: of the answers, the references, and their differences. */
  own: number;
  signal: number;
  noise: number;
}

/** Compares answers with references, sample by sample. */
export class AccuracyMeter {
  readonly #sums = new Map<string, Sums>();
  #samples = 0;
  #scored = 0;
  #agreed = 0;
  #labelled = 0;
  #labelledRows = 0;
  #right = 0;

  /** @param label the right class, if it is known */
  add(answer: Outputs, reference: Outputs, label?: number): void {
    this.#samples++;
    // Exports of one network to two formats often name its outputs differently.
    const same = Object.keys(reference).every((name) => name in answer);
    const given = (name: string) => (same ? answer[name] : Object.values(answer)[Object.keys(reference).indexOf(name)]);
    const numeric = Object.entries(reference).filter(([, { dtype }]) => dtype !== 'string');
    const floats = numeric.filter(([, { dtype }]) => dtype.startsWith('float') || dtype === 'bfloat16');
    for (const [name, expected] of floats.length > 0 ? floats : numeric) {
      this.#addOutput(name, given(name)?.toNumbers() ?? [], expected.toNumbers(), floats.length > 0);
    }
    const scores = scoresOf(reference);
    if (scores === undefined) return;
    const best = bestClasses(given(scores));
    const right = bestClasses(reference[scores]);
    this.#scored += right.length;
    this.#agreed += right.filter((index, row) => index === best[row]).length;
    if (label === undefined) return;
    this.#labelled++;
    this.#labelledRows += right.length;
    this.#right += best.filter((index) => index === label).length;
  }

  get result(): Accuracy {
    let cosine = this.#samples === 0 ? 0 : 1;
    let worst: Sums | undefined;
    for (const sums of this.#sums.values()) {
      const own = Math.min(sums.cosine / this.#samples, quotient(sums));
      // A NaN is the worst of all.
      if (Number.isNaN(cosine) || own > cosine) continue;
      if (own === cosine && sums.noise <= (worst?.noise ?? 0)) continue;
      [cosine, worst] = [own, sums];
    }
    const share = (part: number, whole: number) => (whole === 0 ? null : part / whole);
    return {
      cosine,
      snrDb: worst === undefined || worst.noise === 0 ? null : 10 * Math.log10(worst.signal / worst.noise),
      agreement: share(this.#agreed, this.#scored),
      top1: share(this.#right, this.#labelledRows),
      samples: this.#samples,
      labelled: this.#labelled,
    };
  }

  /** @param floats whether nearly equal counts; else equal does */
  #addOutput(name: string, given: ArrayLike<number>, expected: ArrayLike<number>, floats: boolean): void {
    const one = { dot: 0, own: 0, signal: 0, noise: 0 };
    let equal = 0;
    for (let i = 0; i < expected.length; i++) {
      const [a, b] = [given[i] ?? Number.NaN, expected[i]!];
      one.dot += a * b;
      one.own += a * a;
      one.signal += b * b;
      one.noise += (a - b) ** 2;
      if (a === b) equal++;
    }
    const sums = this.#sums.get(name) ?? { cosine: 0, dot: 0, own: 0, signal: 0, noise: 0 };
    sums.cosine += floats ? quotient(one) : expected.length === 0 ? 1 : equal / expected.length;
    sums.dot += one.dot;
    sums.own += one.own;
    sums.signal += one.signal;
    sums.noise += one.noise;
    this.#sums.set(name, sums);
  }
}

/** The cosine. Two answers of zeros are equal; NaN stays NaN. */
function quotient({ dot, own, signal, noise }: Omit<Sums, 'cosine'>): number {
  const length = Math.sqrt(own * signal);
  return length === 0 ? (noise === 0 ? 1 : 0) : Math.min(dot / length, 1);
}

/** The only output with a score for each of several classes. */
function scoresOf(outputs: Outputs): string | undefined {
  const names = Object.keys(outputs).filter((name) => {
    const { dtype, shape } = outputs[name]!;
    return dtype !== 'string' && (classCount(shape) ?? 0) > 1;
  });
  return names.length === 1 ? names[0] : undefined;
}

/** How many classes these outputs score; undefined if they are no scores of classes. */
export function classesOf(outputs: Outputs): number | undefined {
  const name = scoresOf(outputs);
  return name === undefined ? undefined : (classCount(outputs[name]!.shape) ?? undefined);
}

function bestClasses(scores: Tensor | undefined): number[] {
  const classes = scores === undefined ? null : classCount(scores.shape);
  // Another export may answer in another shape.
  if (scores === undefined || classes === null || classes === 0) return [];
  const numbers = scores.toNumbers();
  const rows: number[] = [];
  for (let start = 0; start < numbers.length; start += classes) {
    let best = 0;
    for (let i = 1; i < classes; i++) if (numbers[start + i]! > numbers[start + best]!) best = i;
    rows.push(best);
  }
  return rows;
}

/** Why an accuracy is not good enough; undefined if it is. */
export function shortfall(accuracy: Accuracy, reference: Accuracy, maxDrop: number): string | undefined {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
  if (!Number.isFinite(accuracy.cosine)) return 'answers NaN or infinite values';
  if (accuracy.top1 !== null && reference.top1 !== null) {
    const drop = reference.top1 - accuracy.top1;
    return drop > maxDrop + ROUNDING ? `top-1 fell by ${percent(drop)}, more than ${percent(maxDrop)}` : undefined;
  }
  return 1 - accuracy.cosine > maxDrop + ROUNDING
    ? `cosine ${accuracy.cosine.toFixed(5)} is below ${(1 - maxDrop).toFixed(5)}`
    : undefined;
}

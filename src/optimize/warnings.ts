import type { ModelInfo } from '../backends/backend.js';
import { isQuantized } from '../conversion/is-quantized.js';
import type { SampleSet } from './sample-set.js';
import type { Accuracy } from './validator.js';

/** As many names as a person reads. */
const MOST_NAMES = 5;

/** What a reader of a report should know before trusting its figures. */
export function warningsOf(
  info: ModelInfo,
  { unlabelled, validation }: Pick<SampleSet, 'unlabelled' | 'validation'>,
  labelsGiven: boolean,
  reference: Accuracy,
): string[] {
  const warnings: string[] = [];
  if (isQuantized(info)) {
    warnings.push('The model is quantized already: only runtimes, threads and layouts were compared');
  }
  if (labelsGiven && reference.top1 === null) {
    warnings.push('The labels were not used: no output of the model has scores of classes');
  } else if (unlabelled.length > 0) {
    const names = unlabelled.slice(0, MOST_NAMES).join(', ');
    const more = unlabelled.length > MOST_NAMES ? ` and ${unlabelled.length - MOST_NAMES} more` : '';
    warnings.push(
      `${unlabelled.length} of ${validation.length} validation samples have no label and do not count in top-1: ${names}${more}`,
    );
  }
  return warnings;
}

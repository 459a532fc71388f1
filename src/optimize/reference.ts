import type { Outputs } from '../backends/backend.js';
import type { Build } from '../conversion/build.js';
import { withProcess } from '../conversion/with-process.js';
import { InfernodeError, messageOf } from '../errors.js';
import { invalid, type Sample } from './samples.js';
import { candidateFile, type TrialSetup } from './trial.js';
import { AccuracyMeter, classesOf } from './validator.js';

/** What the model answers as it was saved, and whether it takes the batch. */
export type References = Pick<TrialSetup, 'references' | 'reference' | 'batch'>;

/**
 * Runs the model as it was saved on the validation samples.
 *
 * @param highest the highest class among all labels, and a sample that has it
 * @throws InfernodeError INF_CALIBRATION_INVALID for samples that the model does not take, and for a class that it has not
 */
export async function answerReferences(
  saved: Build,
  setup: Omit<TrialSetup, keyof References>,
  batch: TrialSetup['batch'],
  highest: { readonly sample: string; readonly index: number } | undefined,
): Promise<References> {
  return withProcess(setup.signal, async (child) => {
    await child.load(candidateFile({ build: saved, file: saved.source, fileBytes: 0 }, 1, setup.libtorch));
    const meter = new AccuracyMeter();
    const references: Outputs[] = [];
    for (const [index, sample] of setup.validation.entries()) {
      const outputs = await answer(() => child.run(sample.inputs), sample);
      const classes = classesOf(outputs);
      if (highest !== undefined && classes !== undefined && highest.index >= classes) {
        throw invalid(
          `The label of ${highest.sample} is class ${highest.index}, but the model has ${classes} classes, 0 to ${classes - 1}`,
        );
      }
      references.push(outputs);
      meter.add(outputs, outputs, setup.labels[index]);
    }
    const takesBatch =
      batch !== null &&
      (await child.run(batch).then(
        () => true,
        () => false,
      ));
    return { references, reference: meter.result, batch: takesBatch ? batch : null };
  });
}

async function answer(run: () => Promise<Outputs>, { name }: Sample): Promise<Outputs> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof InfernodeError && cause.code === 'INF_BACKEND_CRASHED') throw cause;
    throw invalid(`Sample ${name} does not fit the model: ${messageOf(cause)}`, cause);
  }
}

import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Signature } from '../backends/backend.js';
import { listBackends } from '../backends/registry.js';
import { environmentHash, libraryVersions } from '../config/environment.js';
import { hashOf } from '../config/hash.js';
import type { ModelConfig } from '../config/model-config.js';
import { makeScratchFolder } from '../config/scratch-folder.js';
import { systemInfo } from '../config/system-info.js';
import { load } from '../engine/load.js';
import { abortError } from '../errors.js';
import { resolveModel } from '../models/locate.js';
import { findEntry, hashFiles, storeEntry } from '../models/tuned-cache.js';
import { imageInput, imageProcessing } from '../processing/image-input.js';
import { checkFree, replaceFolder, writeArtefact } from './artefact.js';
import { chooseBest } from './choose.js';
import { type FilledOptimizeOptions, fillOptimizeOptions, type OptimizeOptions } from './optimize-options.js';
import type { CandidateResult, OptimizeReport } from './optimize-report.js';
import { type ProgressMeter, startProgress } from './progress.js';
import { answerReferences } from './reference.js';
import { makeBatch, readSampleSet } from './sample-set.js';
import { type PassedOver, selectBuilds } from './selector.js';
import type { TrialSetup } from './trial.js';
import { tryAll } from './try-all.js';
import { warningsOf } from './warnings.js';

/**
 * Finds the fastest way to run a model that still answers rightly, and writes it as a model folder. Every candidate (runtime,
 * precision, threads, layout) is built, checked on samples that calibration never saw, and measured in a process of its own.
 *
 * @param model a path, as for `load`; a folder with `model.pt` and `model.onnx` tries both
 * @throws InfernodeError INF_CALIBRATION_INVALID, INF_OPTION_INVALID, INF_CONVERSION_FAILED, INF_ABORTED, and as `load` does
 */
export async function optimize(model: string, options: OptimizeOptions): Promise<OptimizeReport> {
  const filled = fillOptimizeOptions(options);
  await checkFree(filled.output);
  const scratch = makeScratchFolder();
  try {
    return await tune(model, filled, scratch);
  } catch (error) {
    if (filled.signal?.aborted) throw abortError(filled.signal, `Optimizing ${model}`);
    throw error;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

async function tune(model: string, options: FilledOptimizeOptions, scratch: string): Promise<OptimizeReport> {
  const started = performance.now();
  const { libtorch, signal, objective, maxDrop, output } = options;
  const progress = startProgress(options.onProgress);
  progress.enter('samples');
  const loaded = await load(model, {
    backend: options.backend,
    ...(libtorch !== undefined && { libtorch }),
    ...(signal && { signal }),
  });
  const { info, signature, config } = loaded;
  await loaded.close();
  const { candidates: files } = await resolveModel(model);
  const samples = await readSampleSet(signature, config, options);
  const system = systemInfo();
  const all = await listBackends(libtorch === undefined ? {} : { libtorch });
  const backends = all.filter(({ name }) => options.backend === 'auto' || options.backend === name);
  const versions = libraryVersions(all);
  const environment = environmentHash(system, versions);
  const modelHash = await hashFiles(files.map(({ file }) => file));
  const { threads, images, backend, labels, calibrationSamples, validationSamples } = options;
  const key = hashOf(environment, samples.hash, config, {
    maxDrop,
    objective,
    threads,
    images,
    backend,
    labelled: labels !== undefined,
    calibrationSamples,
    validationSamples,
  });
  const known = options.cache ? await findEntry(modelHash, key) : null;
  if (known !== null) return fromCache(known.folder, output, progress);

  const { builds, passedOver } = selectBuilds({
    system,
    backends,
    files: files.filter(({ format }) => backends.some((status) => status.formats.includes(format))),
    info,
    calibrates: samples.calibration.length > 0,
    objective,
  });
  progress.plan(builds.length, threads.length);
  progress.enter('reference');
  const partial = { libtorch, scratch, ...samples, maxDrop, signal, one: samples.validation[0]!.inputs };
  // The first build is the model as it was saved.
  const whole = makeBatch(samples.validation, signature);
  const answers = await answerReferences(builds[0]!, partial, whole, samples.highest);
  const { reference } = answers;
  const setup: TrialSetup = { ...partial, ...answers };
  const skipped = passedOver.map(skippedResult);
  const tried = await tryAll(builds, threads, setup, progress);
  progress.enter('compare');
  const best = await chooseBest(tried, objective, setup);
  const candidates: CandidateResult[] = [
    ...tried.map(({ result }) => (result === best.result ? best.chosen : result)),
    ...skipped,
  ];
  const report: OptimizeReport = {
    model,
    objective,
    maxDrop,
    system,
    versions,
    samples: {
      calibration: samples.calibration.map(({ name }) => name),
      validation: samples.validation.map(({ name }) => name),
    },
    reference,
    candidates,
    chosen: best.chosen.name,
    reason: best.reason,
    playOff: best.playOff,
    warnings: warningsOf(info, samples, labels !== undefined, reference),
    output,
    cached: false,
    seconds: (performance.now() - started) / 1000,
  };
  signal?.throwIfAborted();
  progress.enter('write');
  await writeArtefact(output, best.built, best.result.threads, withImages(config, signature, images), report);
  if (options.cache) await storeEntry(modelHash, key, environment, output);
  progress.enter('done');
  return report;
}

function skippedResult({ name, reason }: PassedOver): CandidateResult {
  const precision = (/int8|bf16|fp16/.exec(name)?.[0] ?? 'fp32') as CandidateResult['precision'];
  const backend = name.startsWith('onnx') ? 'onnx' : 'torch';
  return { name, backend, precision, threads: 0, verdict: 'skipped', reason };
}

/** A tuned model prepares pictures as the samples were prepared, whoever said how. */
function withImages(
  config: ModelConfig | null,
  signature: Signature,
  images: FilledOptimizeOptions['images'],
): ModelConfig | null {
  const own = config?.processing?.image;
  const input = imageInput(signature, own);
  if (Object.keys(images).length === 0 || input === undefined) return config;
  return { ...config, processing: { ...config?.processing, image: imageProcessing(images, own, input) } };
}

async function fromCache(folder: string, output: string, progress: ProgressMeter): Promise<OptimizeReport> {
  const report = {
    ...(JSON.parse(await readFile(join(folder, 'report.json'), 'utf8')) as OptimizeReport),
    output,
    cached: true,
  };
  await replaceFolder(output, async (scratch) => {
    await cp(folder, scratch, { recursive: true });
    await rm(join(scratch, 'seal.json'));
    await writeFile(join(scratch, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
  });
  progress.enter('done');
  return report;
}

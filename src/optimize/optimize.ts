import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Outputs, Signature } from '../backends/backend.js';
import { BACKEND_NAMES, listBackends } from '../backends/registry.js';
import { environmentHash, libraryVersions } from '../config/environment.js';
import { hashOf } from '../config/hash.js';
import type { ModelConfig } from '../config/model-config.js';
import { makeScratchFolder } from '../config/scratch-folder.js';
import { systemInfo } from '../config/system-info.js';
import type { Build } from '../conversion/build.js';
import { withProcess } from '../conversion/with-process.js';
import { load } from '../engine/load.js';
import { abortError, InfernodeError, messageOf } from '../errors.js';
import { resolveModel } from '../models/locate.js';
import { findEntry, hashFiles, storeEntry } from '../models/tuned-cache.js';
import { imageInput, imageProcessing } from '../processing/image-input.js';
import { checkFree, replaceFolder, writeArtefact } from './artefact.js';
import { chooseBest } from './choose.js';
import { type FilledOptimizeOptions, fillOptimizeOptions, type OptimizeOptions } from './optimize-options.js';
import type { CandidateResult, OptimizeReport } from './optimize-report.js';
import { type ProgressMeter, startProgress } from './progress.js';
import { makeBatch, readSampleSet } from './sample-set.js';
import { selectBuilds } from './selector.js';
import { keepSensitiveLayers } from './sensitivity.js';
import { type Built, candidateFile, makeBuild, type TrialSetup, type Tried, tryCandidate } from './trial.js';
import { AccuracyMeter } from './validator.js';

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
  const float = builds.find(({ precision }) => precision === 'fp32')!;
  const { references, reference, batch } = await answerReferences(
    float,
    partial,
    makeBatch(samples.validation, signature),
  );
  const setup: TrialSetup = { ...partial, references, reference, batch };

  const skipped: CandidateResult[] = passedOver.map(({ name, reason }) => ({
    name,
    backend: name.startsWith('onnx') ? 'onnx' : 'torch',
    precision: 'fp32',
    threads: 0,
    verdict: 'skipped',
    reason,
  }));
  const tried = await tryAll(builds, options, setup, progress);
  progress.enter('compare');
  const best = await chooseBest(tried, objective, setup);
  const candidates = [...tried.map(({ result }) => (result === best.result ? best.chosen : result)), ...skipped];
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

async function tryAll(
  builds: readonly Build[],
  options: FilledOptimizeOptions,
  setup: TrialSetup,
  progress: ProgressMeter,
): Promise<Tried[]> {
  const tried: Tried[] = [];
  const most = Math.max(...options.threads);
  const tryBuild = async (built: Built) => {
    for (const threads of options.threads) {
      setup.signal?.throwIfAborted();
      progress.enter('measure', `${built.build.name}, ${threads} threads`);
      tried.push({ built, result: await tryCandidate(built, threads, setup) });
    }
  };
  for (const [index, build] of builds.entries()) {
    progress.enter('build', build.name);
    let built: Built;
    try {
      built = await makeBuild(build, setup, String(index));
    } catch (error) {
      setup.signal?.throwIfAborted();
      tried.push({ built: { build, file: '', fileBytes: 0 }, result: failed(build, messageOf(error)) });
      progress.skip(options.threads.length);
      continue;
    }
    await tryBuild(built);
  }
  for (const build of nearMisses(tried)) {
    const mixed = await keepSensitiveLayers(build, most, setup, (done, of) =>
      progress.enter('layers', `${build.name}, group ${done + 1} of ${of}`),
    );
    if (mixed !== undefined) await tryBuild(mixed);
  }
  return tried;
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

/** Of each backend whose static INT8 builds are all too inaccurate, the one that comes nearest. */
function nearMisses(tried: readonly Tried[]): Build[] {
  const builds: Build[] = [];
  for (const backend of BACKEND_NAMES) {
    const own = tried.filter(({ built }) => built.build.backend === backend && built.build.mode === 'static');
    if (own.some(({ result }) => result.verdict === 'right')) continue;
    const missed = own.filter(({ result }) => result.verdict === 'inaccurate' && result.accuracy !== undefined);
    const nearness = ({ result }: Tried) => result.accuracy!.top1 ?? result.accuracy!.cosine;
    const nearest = missed.sort((a, b) => nearness(b) - nearness(a))[0];
    if (nearest !== undefined) builds.push(nearest.built.build);
  }
  return builds;
}

/** The float model's answers, and whether it takes the batch. */
async function answerReferences(
  float: Build,
  setup: Omit<TrialSetup, 'references' | 'reference' | 'batch'>,
  batch: TrialSetup['batch'],
): Promise<Pick<TrialSetup, 'references' | 'reference' | 'batch'>> {
  return withProcess(setup.signal, async (child) => {
    await child.load(candidateFile({ build: float, file: float.source, fileBytes: 0 }, 1, setup.libtorch));
    const meter = new AccuracyMeter();
    const references: Outputs[] = [];
    for (const [index, { name, inputs }] of setup.validation.entries()) {
      try {
        references.push(await child.run(inputs));
      } catch (cause) {
        if (cause instanceof InfernodeError && cause.code === 'INF_BACKEND_CRASHED') throw cause;
        const message = `Sample ${name} does not fit the model: ${messageOf(cause)}`;
        throw new InfernodeError('INF_CALIBRATION_INVALID', message, { cause });
      }
      meter.add(references[index]!, references[index]!, setup.labels[index]);
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

function failed(build: Build, reason: string): CandidateResult {
  const { name, backend, precision } = build;
  return { name, backend, precision, threads: 0, verdict: 'failed', reason };
}

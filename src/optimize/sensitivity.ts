import { rm } from 'node:fs/promises';
import type { Build } from '../conversion/build.js';
import { withProcess } from '../conversion/with-process.js';
import { type Built, candidateFile, makeBuild, type TrialSetup, validate } from './trial.js';
import { shortfall } from './validator.js';

/** Layers are ranked in this many groups at most: each costs a conversion and some runs. */
const GROUPS = 16;

/** Enough to tell a group that spoils the answers from one that does not. */
const SAMPLES = 8;

/**
 * Finds the layers that lose most when they are quantized, keeps as few of them in float32 as bring the accuracy back, and
 * builds that. Groups of neighbouring layers are quantized one at a time and ranked by the cosine that is left; then the
 * worst group stays float, then the two worst, four, and so on.
 *
 * @returns the first build that is right, undefined if none is
 */
export async function keepSensitiveLayers(
  build: Build,
  threads: number,
  setup: TrialSetup,
  onGroup: (done: number, of: number) => void,
): Promise<Built | undefined> {
  const layers = await withProcess(setup.signal, (child) => child.layers(build, setup.libtorch));
  const names = [...new Set(layers)].filter((name) => name !== '');
  if (names.length < 2) return undefined;
  const size = Math.ceil(names.length / GROUPS);
  const groups = Array.from({ length: Math.ceil(names.length / size) }, (_, i) =>
    names.slice(i * size, (i + 1) * size),
  );
  const ranked: { group: string[]; cosine: number }[] = [];
  for (const [index, group] of groups.entries()) {
    onGroup(index, groups.length);
    const others = names.filter((name) => !group.includes(name));
    ranked.push({ group, cosine: await cosineOf({ ...build, exclude: others }, threads, setup, index) });
  }
  ranked.sort((a, b) => a.cosine - b.cosine);
  for (let count = 1; count < ranked.length; count *= 2) {
    const exclude = ranked.slice(0, count).flatMap(({ group }) => group);
    const mixed = { ...build, name: `${build.name}, ${exclude.length} layers fp32`, exclude };
    const built = await makeBuild(mixed, setup, `mixed-${build.backend}-${count}`).catch(() => undefined);
    setup.signal?.throwIfAborted();
    if (built === undefined) continue;
    const accuracy = await withProcess(setup.signal, async (child) => {
      await child.load(candidateFile(built, threads, setup.libtorch));
      return validate(child, setup);
    });
    if (shortfall(accuracy, setup.reference, setup.maxDrop) === undefined) return built;
    await rm(built.file, { force: true });
  }
  return undefined;
}

/** A group that cannot be quantized by itself loses nothing. */
async function cosineOf(build: Build, threads: number, setup: TrialSetup, index: number): Promise<number> {
  try {
    const built = await makeBuild(build, setup, `group-${build.backend}-${index}`, SAMPLES);
    const { cosine } = await withProcess(setup.signal, async (child) => {
      await child.load(candidateFile(built, threads, setup.libtorch));
      return validate(child, setup, SAMPLES);
    });
    await rm(built.file, { force: true });
    return cosine;
  } catch {
    setup.signal?.throwIfAborted();
    return 1;
  }
}

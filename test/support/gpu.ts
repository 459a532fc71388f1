import { join } from 'node:path';
import { type LoadOptions, listBackends, load, type Model } from 'infernode';

const status = (await listBackends()).find((backend) => backend.name === 'torch')!;

/** The GPUs that the torch backend sees. */
export const gpus = status.devices.filter((device) => device.startsWith('cuda'));

const why = status.available ? (status.gpu?.unavailable ?? 'it sees none') : status.reason;

/** A test's option: skips it, and says why, where there is no GPU. */
export const needsGpu = gpus.length > 0 ? false : `no GPU: ${why}`;

/** A test's option: skips it, and says why, where there are not two GPUs. */
export const needsTwoGpus = needsGpu || (gpus.length < 2 ? 'no second GPU' : false);

const folder = process.env.INFERNODE_GPU_MODELS;

/** A test's option: skips it where the models that scripts/gpu/models.py makes are not at hand. */
export const needsGpuModels = needsGpu || (folder === undefined ? 'no models: npm run test:gpu makes them' : false);

/** Loads one of the models that scripts/gpu/models.py made, on a GPU. */
export function loadGpuModel(name: string, options: LoadOptions = {}): Promise<Model> {
  return load(join(folder ?? '', name), { backend: 'torch', device: 'cuda', ...options });
}

/** What the torch backend says of GPUs (native/backends/torch/devices.h). */
export interface GpuFacts {
  /** Versions of CUDA: of the headers, of the library, and the newest that the driver runs. Left out in a build for CPUs. */
  readonly built?: string;
  readonly runtime?: string;
  readonly driver?: string;
  /** Empty without cuDNN. */
  readonly cudnn?: string;
  readonly gpus?: readonly {
    readonly device: string;
    readonly name?: string;
    readonly memoryBytes?: number;
    readonly capability?: string;
  }[];
  /** Why there is no GPU. */
  readonly unavailable?: string;
}

/** The same for people, by subject. */
export function describeGpus(facts: GpuFacts): Record<string, string> {
  const { built, runtime, driver, cudnn, gpus = [], unavailable } = facts;
  const described: Record<string, string> = {};
  if (built !== undefined) {
    described.cuda = `built with ${built}, library ${runtime}, driver ${driver === 'none' ? 'not found' : `for ${driver}`}`;
    described.cudnn = cudnn || 'not found';
  }
  for (const { device, name, memoryBytes, capability } of gpus) {
    const memory = memoryBytes === undefined ? '' : `, ${(memoryBytes / 2 ** 30).toFixed(1)} GiB`;
    described[device] =
      `${name ?? 'unknown'}${memory}${capability === undefined ? '' : `, compute capability ${capability}`}`;
  }
  if (unavailable !== undefined) described.unavailable = unavailable;
  return described;
}

import { readFileSync } from 'node:fs';
import { InfernodeError } from '../../errors.js';
import { damaged, parseJson, readEntries } from './aoti-package.js';

interface Metadata {
  /** `cpu` or `cuda`. */
  readonly AOTI_DEVICE_KEY?: unknown;
  readonly AOTI_CPU_ISA?: unknown;
}

/**
 * Refuses a package that was compiled for another kind of device, or for instructions that this CPU lacks: running it would
 * kill the process.
 * @throws InfernodeError INF_MODEL_INVALID
 */
export async function checkTarget(path: string, device: string): Promise<void> {
  const [text] = await readEntries(path, (name) => name.endsWith('wrapper_metadata.json'));
  if (text === undefined) return;
  const { AOTI_DEVICE_KEY: kind, AOTI_CPU_ISA: isa = '' } = parseJson<Metadata>(text, 'metadata');
  if (typeof isa !== 'string') throw damaged('metadata', text);
  if (typeof kind === 'string' && kind !== device.split(':')[0]) {
    throw new InfernodeError(
      'INF_MODEL_INVALID',
      `${path} was compiled for ${kind} and does not run on ${device}: load it with device "${kind}", or compile it for ${device}`,
      { details: { expected: kind, given: device } },
    );
  }
  const flags = cpuFlags();
  const missing = isa.split(/\s+/).filter((name) => NEEDED_FLAG[name] !== undefined && !flags.has(NEEDED_FLAG[name]));
  if (flags.size === 0 || missing.length === 0) return;
  throw new InfernodeError(
    'INF_MODEL_INVALID',
    `${path} was compiled for a CPU with ${isa}; this one lacks ${missing.join(', ')}. Compile it on this machine`,
    {
      details: { expected: isa, given: `no ${missing.join(', ')}` },
    },
  );
}

const NEEDED_FLAG: Readonly<Record<string, string>> = {
  AVX2: 'avx2',
  AVX512: 'avx512f',
  AVX512_VNNI: 'avx512_vnni',
  AMX_TILE: 'amx_tile',
  AMX: 'amx_tile',
};

/** Empty where the system does not tell. */
function cpuFlags(): Set<string> {
  try {
    return new Set(/^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.trim().split(' '));
  } catch {
    return new Set();
  }
}

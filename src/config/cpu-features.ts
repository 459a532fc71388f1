import type { SystemInfo } from './system-info.js';

function features({ cpu }: SystemInfo): readonly string[] {
  return cpu.features ?? [];
}

/** Whether the CPU multiplies BF16 numbers; without that they are slower than FP32. */
export function hasBfloat16(system: SystemInfo): boolean {
  return features(system).some((name) => ['avx512_bf16', 'amx_bf16', 'neon_bf16'].includes(name));
}

/** Whether products of 8 bits are summed in 32: without that, sums overflow unless activations have 7 bits. */
export function hasVnni(system: SystemInfo): boolean {
  const arm = system.arch === 'arm64';
  return arm || features(system).some((name) => ['avx512_vnni', 'avx_vnni', 'amx_int8'].includes(name));
}

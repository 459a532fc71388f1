import { hasVnni } from '#src/config/cpu-features';
import { systemInfo } from '#src/config/system-info';

const system = systemInfo();
const has = (...names: string[]) => names.every((name) => system.cpu.features?.includes(name));

/** Whether INT8 is right in 7 bits only, as `load` and `optimize` then choose: without VNNI, sums of products of 8 bits overflow. */
export const reduceRange = !hasVnni(system);

/** How far off INT8 may be: a step of 7 bits is twice one of 8. */
export function offBy(most: number): number {
  return reduceRange ? 2 * most : most;
}

/** A test's option: skips what no runtime answers rightly on this CPU, for models that others made with 8 bits. */
export const wantsVnni =
  reduceRange && 'this CPU lacks VNNI, without which sums of 8-bit products overflow in every runtime';

/** A test's option: skips what runs the machine code in the AOTInductor package of the test data. */
export const wantsAvx512 =
  system.arch === 'x64' &&
  !has('avx512f', 'avx512_vnni') &&
  'the package was compiled for AVX-512 with VNNI, which this CPU lacks';

import type { ImageProcessing } from '../config/image-processing.js';
import { InfernodeError } from '../errors.js';
import type { DType } from '../tensor/dtype.js';
import { storedElement } from '../tensor/element.js';

/** What a tensor stores for each of the 256 values of a pixel. */
export type PixelTable = readonly (number | bigint)[];

/**
 * One table for each channel, of `(pixel * scale - mean) / std`. Each step rounds to float32, as torch computes it.
 *
 * @throws InfernodeError INF_OPTION_INVALID if mean or std has neither one value nor one for each channel, or if an integer
 *   dtype would get fractions
 */
export function channelTables(processing: ImageProcessing, dtype: DType): PixelTable[] {
  const channels = processing.color === 'gray' ? 1 : 3;
  const mean = perChannel('mean', processing.mean, channels);
  const std = perChannel('std', processing.std, channels);
  const exact = dtype === 'float64' ? (value: number) => value : Math.fround;
  return Array.from({ length: channels }, (_, channel) =>
    Array.from({ length: 256 }, (_, pixel) => {
      const scaled = exact(pixel * processing.scale);
      return stored(exact(exact(scaled - exact(mean[channel]!)) / exact(std[channel]!)), dtype);
    }),
  );
}

function perChannel(name: string, values: readonly number[], channels: number): readonly number[] {
  if (values.length === channels) return values;
  if (values.length === 1) return new Array<number>(channels).fill(values[0]!);
  throw new InfernodeError(
    'INF_OPTION_INVALID',
    `The image ${name} has ${values.length} values; give 1, or ${channels} for ${channels === 1 ? 'gray' : 'color'} pictures`,
    { details: { name, expected: `1 or ${channels} values`, given: `${values.length} values` } },
  );
}

function stored(value: number, dtype: DType): number | bigint {
  if (dtype.startsWith('float') || dtype === 'bfloat16') return storedElement(value, dtype, () => '') as number;
  const whole = Math.round(value);
  // Float32 rounding of whole numbers may leave a trace.
  if (Math.abs(whole - value) <= 1e-3) {
    try {
      return storedElement(whole, dtype, () => '') as number | bigint;
    } catch {}
  }
  throw new InfernodeError(
    'INF_OPTION_INVALID',
    `The input takes ${dtype}, but the image settings make pixels ${value}; set scale, mean and std so that they fit (scale 1, mean 0, std 1 keep 0 to 255)`,
    { details: { name: 'scale', expected: dtype, given: String(value) } },
  );
}

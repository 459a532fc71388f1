import { array, type Check, integer, number, object, oneOf, type Place, reject, text } from './schema.js';

export const INTERPOLATIONS = ['bilinear', 'bicubic', 'lanczos', 'nearest'] as const;
export const COLORS = ['rgb', 'bgr', 'gray'] as const;
export const LAYOUTS = ['nchw', 'nhwc'] as const;

/** How a picture becomes a tensor: resized, cropped, then `(pixel * scale - mean) / std` for each channel. */
export interface ImageProcessing {
  /** The input that takes pictures; null, the default, for the model's only input. */
  readonly input: string | null;
  /** The short side in pixels, or [height, width]; null, the default, to keep the size. */
  readonly resize: number | readonly [height: number, width: number] | null;
  /** The side of a square cut from the centre, or [height, width]; null, the default, to keep all. */
  readonly crop: number | readonly [height: number, width: number] | null;
  /** `bilinear` by default. */
  readonly interpolation: (typeof INTERPOLATIONS)[number];
  /** The order of the channels, `rgb` by default; `gray` makes one. */
  readonly color: (typeof COLORS)[number];
  /** Where the channels stand: `nchw`, the default, before height and width; `nhwc` after them. */
  readonly layout: (typeof LAYOUTS)[number];
  /** The factor of a pixel, which goes from 0 to 255; 1/255 by default. */
  readonly scale: number;
  /** Subtracted after scaling: one value for all channels or one for each, in the order of `color`; [0] by default. */
  readonly mean: readonly number[];
  /** The divisor after that: one value for all channels or one for each, in the order of `color`; [1] by default. */
  readonly std: readonly number[];
}

/** What a picture goes through if nothing is said: values from 0 to 1, channels first. */
export const DEFAULT_IMAGE: ImageProcessing = Object.freeze({
  input: null,
  resize: null,
  crop: null,
  interpolation: 'bilinear',
  color: 'rgb',
  layout: 'nchw',
  scale: 1 / 255,
  mean: [0],
  std: [1],
});

const side = integer(1);

const size: Check<number | readonly [number, number] | null> = (value, place) => {
  if (value === null) return null;
  if (!Array.isArray(value)) return side(value, place);
  if (value.length !== 2) reject(place, 'a size in pixels or [height, width]', value);
  return array(side, '[height, width]')(value, place) as [number, number];
};

const perChannel: Check<readonly number[]> = (value, place) => {
  const list = typeof value === 'number' ? [value] : value;
  if (!Array.isArray(list) || (list.length !== 1 && list.length !== 3)) {
    reject(place, 'a number or one number for each channel', value);
  }
  return array(number(), 'an array of numbers')(list, place);
};

const std: Check<readonly number[]> = (value, place) => {
  const list = perChannel(value, place);
  const zero = list.indexOf(0);
  return zero < 0 ? list : reject({ ...place, path: `${place.path}[${zero}]` }, 'a number other than 0', 0);
};

const fields = object<ImageProcessing>({
  input: (value, place) => (value === null ? null : text(value, place)),
  resize: size,
  crop: size,
  interpolation: oneOf(INTERPOLATIONS),
  color: oneOf(COLORS),
  layout: oneOf(LAYOUTS),
  scale: number(),
  mean: perChannel,
  std,
});

/** Checks the settings of a picture and fills in the defaults. */
export const image: Check<ImageProcessing> = (value, place) => {
  const filled = { ...DEFAULT_IMAGE, ...fields(value, place) };
  checkChannels(filled, place);
  return filled;
};

/** Throws unless `mean` and `std` have one value, or as many as there are channels. */
function checkChannels({ color, mean, std: divisors }: ImageProcessing, place: Place): void {
  const channels = color === 'gray' ? 1 : 3;
  for (const [name, list] of Object.entries({ mean, std: divisors })) {
    if (list.length === 1 || list.length === channels) continue;
    reject({ ...place, path: `${place.path}.${name}` }, `1 or ${channels} numbers for color "${color}"`, list);
  }
}

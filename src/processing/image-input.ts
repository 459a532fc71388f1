import type { Signature, ValueInfo } from '../backends/backend.js';
import { DEFAULT_IMAGE, type ImageProcessing, image } from '../config/image-processing.js';

type Mutable<T> = { -readonly [K in keyof T]?: T[K] };

/** What overrides the image settings of model.json. */
export type ImageOptions = Mutable<Omit<ImageProcessing, 'input'>>;

/**
 * The settings of a picture: options before model.json before what the input's shape tells (layout, gray) before defaults.
 *
 * @throws InfernodeError INF_OPTION_INVALID if they do not go together
 */
export function imageProcessing(
  options: ImageOptions,
  config: ImageProcessing | undefined,
  input: ValueInfo,
): ImageProcessing {
  const { resize, crop, interpolation, scale, mean, std, layout, color } = options;
  const given = Object.fromEntries(
    Object.entries({ resize, crop, interpolation, scale, mean, std, layout, color }).filter(
      ([, value]) => value !== undefined,
    ),
  );
  const base = config ?? { ...DEFAULT_IMAGE, ...structureOf(input) };
  return image({ ...base, ...given }, { file: 'image options', path: '', code: 'INF_OPTION_INVALID' });
}

/** Layout and color as far as the shape of an input tells them: the dimension of 1 or 3 is that of the channels. */
function structureOf({ shape }: ValueInfo): Mutable<ImageProcessing> {
  if (shape?.length !== 4) return {};
  const isChannels = (dim: unknown) => dim === 1 || dim === 3;
  const last = isChannels(shape[3]) && !isChannels(shape[1]);
  return { layout: last ? 'nhwc' : 'nchw', color: shape[last ? 3 : 1] === 1 ? 'gray' : 'rgb' };
}

/** The input that pictures are for: the one that model.json names, else the only one that could take them. */
export function imageInput(signature: Signature, config: ImageProcessing | undefined): ValueInfo | undefined {
  if (config?.input) return signature.inputs.find(({ name }) => name === config.input);
  const fits = signature.inputs.filter(
    ({ kind, shape }) => kind === 'tensor' && (shape === null || shape.length === 4),
  );
  return fits.length === 1 ? fits[0] : undefined;
}

import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Signature, ValueInfo } from '../backends/backend.js';
import {
  COLORS,
  DEFAULT_IMAGE,
  type ImageProcessing,
  INTERPOLATIONS,
  image,
  LAYOUTS,
} from '../config/image-processing.js';

type Mutable<T> = { -readonly [K in keyof T]?: T[K] };

/** The flags that override the image settings of model.json, as Commander parses them. */
export type ImageOptions = Mutable<Omit<ImageProcessing, 'input'>>;

/** Adds `--resize`, `--crop` and the others. */
export function addImageOptions(command: Command): Command {
  return command
    .option('--resize <size>', 'pictures: short side in pixels, or HEIGHTxWIDTH', parseSize)
    .option('--crop <size>', 'pictures: centre crop, a side or HEIGHTxWIDTH', parseSize)
    .addOption(new Option('--interpolation <kind>', 'pictures: how to resize').choices(INTERPOLATIONS))
    .option('--scale <factor>', 'pictures: factor of a pixel from 0 to 255, such as 1/255', parseFactor)
    .option(
      '--mean <list>',
      'pictures: subtracted after scaling, one number or one a channel: 0.485,0.456,0.406',
      parseList,
    )
    .option('--std <list>', 'pictures: divisors after that, as --mean', parseList)
    .addOption(new Option('--layout <order>', 'pictures: order of the dimensions').choices(LAYOUTS))
    .addOption(new Option('--color <channels>', 'pictures: order of the channels').choices(COLORS));
}

/**
 * The settings of a picture: flags before model.json before what the input's shape tells (layout, gray) before defaults.
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

function parseSize(text: string): number | [number, number] {
  const match = /^([1-9]\d{0,4})(?:x([1-9]\d{0,4}))?$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Expected pixels, such as 224 or 240x320 (height x width).');
  return match[2] === undefined ? Number(match[1]) : [Number(match[1]), Number(match[2])];
}

function parseFactor(text: string): number {
  const [numerator, denominator, ...rest] = text.split('/');
  const value = Number(numerator || 'x') / (denominator === undefined ? 1 : Number(denominator || 'x'));
  if (rest.length > 0 || !Number.isFinite(value))
    throw new InvalidArgumentError('Expected a number or a fraction, such as 1/255.');
  return value;
}

function parseList(text: string): number[] {
  const values = text.split(',').map((item) => parseFactor(item.trim()));
  if (values.length !== 1 && values.length !== 3)
    throw new InvalidArgumentError('Expected 1 or 3 numbers, such as 0.5,0.5,0.5.');
  return values;
}

import { type Command, InvalidArgumentError, Option } from 'commander';
import { COLORS, INTERPOLATIONS, LAYOUTS } from '../config/image-processing.js';

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

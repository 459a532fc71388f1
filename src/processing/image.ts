import { type ImageProcessing, image } from '../config/image-processing.js';
import { InfernodeError, messageOf } from '../errors.js';
import { DTYPES, type DType } from '../tensor/dtype.js';
import { Tensor } from '../tensor/tensor.js';
import { cropWindow, resizedSize } from './image-geometry.js';
import { channelTables, type PixelTable } from './pixel-values.js';
import { type Picture, resample } from './resample.js';
import { loadSharp } from './sharp.js';

/** Pictures of more pixels are refused; sharp's own default. */
const MAX_PIXELS = 0x3fff * 0x3fff;

export interface ImageOptions {
  /** float32 by default. Integer dtypes need settings that give whole numbers, such as a scale of 1. */
  readonly dtype?: Exclude<DType, 'string' | 'bool'>;
}

/**
 * Turns a picture into a tensor: upright (EXIF), without alpha or colour profile, resized if its size differs, cropped in
 * the centre (padded with black where it is smaller), then `(pixel * scale - mean) / std` in float32. A resized picture is
 * that of Pillow and torchvision, byte for byte, for that is what models were trained on.
 *
 * @param source the bytes of the file, or its path; every format sharp reads (JPEG, PNG, WebP, GIF, AVIF, TIFF, SVG)
 * @param settings what differs from the defaults: no resizing, values from 0 to 1, RGB, channels first
 * @returns shape [1, C, H, W], or [1, H, W, C] for the layout nhwc; C is 1 for gray, else 3
 * @throws InfernodeError INF_FILE_INVALID; INF_BACKEND_UNAVAILABLE without sharp; INF_OPTION_INVALID for settings that do
 *   not fit the dtype
 */
export async function imageToTensor(
  source: Uint8Array | string,
  settings: Partial<ImageProcessing> = {},
  options: ImageOptions = {},
): Promise<Tensor> {
  const processing = image(settings, { file: 'imageToTensor', path: 'settings', code: 'INF_OPTION_INVALID' });
  const dtype = options.dtype ?? 'float32';
  const tables = channelTables(processing, dtype);
  const picture = await decode(source);
  const size = resizedSize(picture, processing.resize);
  return layOut(await resample(picture, size, processing.interpolation), processing, dtype, tables);
}

async function decode(source: Uint8Array | string): Promise<Picture> {
  const sharp = await loadSharp();
  try {
    const { data, info } = await sharp(source, { limitInputPixels: MAX_PIXELS, ignoreIcc: true, failOn: 'error' })
      .autoOrient()
      .removeAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { pixels: data, width: info.width, height: info.height, channels: info.channels };
  } catch (cause) {
    const name = typeof source === 'string' ? source : 'The picture';
    throw new InfernodeError('INF_FILE_INVALID', `${name} cannot be read as a picture: ${messageOf(cause)}`, { cause });
  }
}

/** Cuts out the crop, puts the channels where they belong and looks every pixel up. */
function layOut(
  picture: Picture,
  processing: ImageProcessing,
  dtype: Exclude<DType, 'string'>,
  tables: PixelTable[],
): Tensor {
  const { width, height, top, left } = cropWindow(picture, processing.crop);
  const depth = tables.length;
  const data = new DTYPES[dtype].array(depth * width * height);
  const planar = processing.layout === 'nchw';
  const [pixelStep, channelStep] = planar ? [1, width * height] : [depth, 1];
  for (let channel = 0; channel < depth; channel++) {
    const table = tables[channel]!;
    const read = channelReader(picture, processing.color, channel);
    let target = channel * channelStep;
    for (let y = top; y < top + height; y++) {
      const inside = y >= 0 && y < picture.height;
      for (let x = left; x < left + width; x++, target += pixelStep) {
        const value = inside && x >= 0 && x < picture.width ? read((y * picture.width + x) * picture.channels) : 0;
        data[target] = table[value]!;
      }
    }
  }
  return new Tensor<DType>(dtype, data, planar ? [1, depth, height, width] : [1, height, width, depth]);
}

/** Reads one channel of the pixel whose first byte is at an offset. */
function channelReader(
  { pixels, channels }: Picture,
  color: ImageProcessing['color'],
  channel: number,
): (offset: number) => number {
  if (channels < 3) return (offset) => pixels[offset]!;
  if (color === 'gray') {
    // ITU-R 601 luma in 16-bit fixed point, as Pillow rounds it.
    return (offset) =>
      (pixels[offset]! * 19595 + pixels[offset + 1]! * 38470 + pixels[offset + 2]! * 7471 + 0x8000) >> 16;
  }
  const source = color === 'bgr' ? 2 - channel : channel;
  return (offset) => pixels[offset + source]!;
}

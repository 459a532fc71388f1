import type { ImageProcessing } from '../config/image-processing.js';

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** The size after resizing: the short side as asked, the long side in proportion and rounded down, as torchvision does. */
export function resizedSize(size: Size, resize: ImageProcessing['resize']): Size {
  if (resize === null) return size;
  if (typeof resize !== 'number') return { height: resize[0], width: resize[1] };
  const { width, height } = size;
  const long = Math.max(1, Math.trunc((resize * Math.max(width, height)) / Math.min(width, height)));
  return width <= height ? { width: resize, height: long } : { width: long, height: resize };
}

/**
 * The rectangle that a crop takes from the centre; where an odd pixel is left over, it goes to the right or the bottom. It
 * sticks out, with negative offsets, where the picture is smaller.
 */
export function cropWindow(size: Size, crop: ImageProcessing['crop']): Size & { top: number; left: number } {
  if (crop === null) return { width: size.width, height: size.height, top: 0, left: 0 };
  const [height, width] = typeof crop === 'number' ? [crop, crop] : crop;
  return { width, height, top: cropOffset(size.height, height), left: cropOffset(size.width, width) };
}

function cropOffset(size: number, crop: number): number {
  return size < crop ? -Math.floor((crop - size) / 2) : Math.floor((size - crop) / 2);
}

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
 * The rectangle that a crop takes from the centre, offsets rounded as torchvision's center_crop rounds them. It sticks out
 * where the picture is smaller, with negative offsets.
 */
export function cropWindow(size: Size, crop: ImageProcessing['crop']): Size & { top: number; left: number } {
  if (crop === null) return { width: size.width, height: size.height, top: 0, left: 0 };
  const [height, width] = typeof crop === 'number' ? [crop, crop] : crop;
  return { width, height, top: cropOffset(size.height, height), left: cropOffset(size.width, width) };
}

/** A smaller picture is padded, less before than after; of a larger one, half is cut off, a half pixel to the even side. */
function cropOffset(size: number, crop: number): number {
  return size < crop ? -Math.floor((crop - size) / 2) : roundHalfEven((size - crop) / 2);
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

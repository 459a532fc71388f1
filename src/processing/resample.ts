import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ImageProcessing } from '../config/image-processing.js';
import type { Size } from './image-geometry.js';

/** Pixels of 8 bits, rows from the top, channels interleaved. */
export interface Picture extends Size {
  readonly pixels: Uint8Array;
  readonly channels: number;
}

/** A filter and how far it reaches, in pixels of the larger of both pictures. */
interface Filter {
  readonly reach: number;
  readonly weight: (distance: number) => number;
}

const FILTERS: Readonly<Record<Exclude<ImageProcessing['interpolation'], 'nearest'>, Filter>> = {
  bilinear: { reach: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { reach: 2, weight: (x) => cubic(Math.abs(x)) },
  lanczos: { reach: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** Fraction bits of a weight. */
const PRECISION = 22;
/** Multiplications between two turns of the event loop: some milliseconds. */
const TURN = 4_000_000;

/**
 * Resizes as Pillow does (and torchvision, for Pillow pictures), to the same bytes: the filter widens when it shrinks,
 * weights are fixed-point, and the rows that come out of the horizontal pass are rounded to 8 bits before the vertical one.
 * The event loop gets a turn every few milliseconds.
 */
export async function resample(
  picture: Picture,
  size: Size,
  interpolation: ImageProcessing['interpolation'],
): Promise<Picture> {
  if (interpolation === 'nearest') return nearest(picture, size);
  const filter = FILTERS[interpolation];
  const narrow = size.width === picture.width ? picture : await horizontal(picture, size.width, filter);
  return size.height === picture.height ? narrow : vertical(narrow, size.height, filter);
}

/** The weights of one output pixel, and the first input pixel they belong to. */
interface Window {
  readonly start: number;
  readonly weights: Int32Array;
}

function windows(from: number, to: number, { reach, weight }: Filter): Window[] {
  const scale = from / to;
  const stretch = Math.max(1, scale);
  const support = reach * stretch;
  return Array.from({ length: to }, (_, index) => {
    const center = (index + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(from, Math.trunc(center + support + 0.5));
    const raw = Array.from({ length: end - start }, (_, tap) => weight((tap + start - center + 0.5) * (1 / stretch)));
    const sum = raw.reduce((total, value) => total + value, 0);
    return { start, weights: Int32Array.from(raw, (value) => fixedPoint(sum === 0 ? value : value / sum)) };
  });
}

function fixedPoint(value: number): number {
  return Math.trunc(value * 2 ** PRECISION + (value < 0 ? -0.5 : 0.5));
}

async function horizontal(picture: Picture, width: number, filter: Filter): Promise<Picture> {
  const { pixels, height, channels } = picture;
  const columns = windows(picture.width, width, filter);
  const result = new Uint8ClampedArray(width * height * channels);
  const turn = rowsPerTurn(columns.reduce((taps, { weights }) => taps + weights.length, 0) * channels);
  for (let y = 0, target = 0; y < height; y++) {
    if (y % turn === turn - 1) await nextTurn();
    const row = y * picture.width * channels;
    for (const { start, weights } of columns) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 1 << (PRECISION - 1);
        let source = row + start * channels + channel;
        for (let tap = 0; tap < weights.length; tap++, source += channels) sum += pixels[source]! * weights[tap]!;
        result[target++] = sum >> PRECISION;
      }
    }
  }
  return { pixels: bytes(result), width, height, channels };
}

async function vertical(picture: Picture, height: number, filter: Filter): Promise<Picture> {
  const { pixels, width, channels } = picture;
  const rows = windows(picture.height, height, filter);
  const stride = width * channels;
  const result = new Uint8ClampedArray(stride * height);
  const turn = rowsPerTurn(Math.max(...rows.map(({ weights }) => weights.length)) * stride);
  for (const [y, { start, weights }] of rows.entries()) {
    if (y % turn === turn - 1) await nextTurn();
    for (let x = 0; x < stride; x++) {
      let sum = 1 << (PRECISION - 1);
      let source = start * stride + x;
      for (let tap = 0; tap < weights.length; tap++, source += stride) sum += pixels[source]! * weights[tap]!;
      result[y * stride + x] = sum >> PRECISION;
    }
  }
  return { pixels: bytes(result), width, height, channels };
}

/** The rows between two turns, at least 1. */
function rowsPerTurn(multiplications: number): number {
  return Math.ceil(TURN / multiplications);
}

function nearest(picture: Picture, { width, height }: Size): Picture {
  const { pixels, channels } = picture;
  const result = new Uint8Array(width * height * channels);
  const columns = nearestOf(picture.width, width);
  let target = 0;
  for (const y of nearestOf(picture.height, height)) {
    for (const x of columns) {
      const source = (y * picture.width + x) * channels;
      for (let channel = 0; channel < channels; channel++) result[target++] = pixels[source + channel]!;
    }
  }
  return { pixels: result, width, height, channels };
}

/** The input pixel of each output pixel. Pillow adds up the steps, and so decides between two that are equally near. */
function nearestOf(from: number, to: number): number[] {
  const step = from / to;
  let position = step * 0.5;
  return Array.from({ length: to }, () => {
    const pixel = Math.min(from - 1, Math.trunc(position));
    position += step;
    return pixel;
  });
}

/** Keys' cubic with a = -0.5. */
function cubic(x: number): number {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function bytes(clamped: Uint8ClampedArray): Uint8Array {
  return new Uint8Array(clamped.buffer);
}

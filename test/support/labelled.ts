import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Tensor } from 'infernode';
import sharp from 'sharp';
import { DEFAULT_IMAGE } from '#src/config/image-processing';
import { imageToTensor } from '#src/processing/image';
import { numberToFloat16 } from '#src/tensor/half';
import { dataFile } from './test-data.js';

/** One labelled input of a classifier, batch 1. */
export interface Sample {
  readonly input: Tensor;
  readonly label: number;
}

type Rgb = readonly [number, number, number];

const MEAN: Rgb = [0.485, 0.456, 0.406];
const STD: Rgb = [0.229, 0.224, 0.225];

function rows(file: string): Record<string, string>[] {
  const [head, ...lines] = readFileSync(dataFile(file), 'utf8')
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split(','));
  return lines.map((cells) => Object.fromEntries(head!.map((name, i) => [name, cells[i]!])));
}

const image = { ...DEFAULT_IMAGE, mean: MEAN, std: STD };

/** 300 ImageNet pictures, centre crop 224. */
export async function* imagenet(): AsyncGenerator<Sample> {
  for (const row of rows('images/imagenet/labels.csv')) {
    const path = dataFile(`images/imagenet/${row.file}`);
    yield { input: await imageToTensor(path, { ...image, crop: 224 }), label: Number(row.class_index) };
  }
}

/** The same for SqueezeNet: BGR, mean subtracted, float16. */
export async function* imagenetHalf(): AsyncGenerator<Sample> {
  const recipe = { ...image, crop: 224, color: 'bgr', scale: 1, mean: [104, 117, 123], std: [1, 1, 1] } as const;
  for (const row of rows('images/imagenet/labels.csv')) {
    const full = await imageToTensor(dataFile(`images/imagenet/${row.file}`), recipe);
    const data = Uint16Array.from(full.data as Float32Array, numberToFloat16);
    yield { input: new Tensor('float16', data, full.shape), label: Number(row.class_index) };
  }
}

/** 1000 CIFAR-10 pictures as they are, value = (pixel * scale - mean) / std. */
export function cifar10(recipe: { scale: number; mean: readonly number[]; std: readonly number[] } = image) {
  return async function* (): AsyncGenerator<Sample> {
    for (const row of rows('images/cifar10/labels.csv')) {
      const path = dataFile(`images/cifar10/${row.file}`);
      const { width } = await sharp(path).metadata();
      yield { input: await imageToTensor(path, { ...image, ...recipe, crop: width! }), label: Number(row.class_index) };
    }
  };
}

/** 1000 MNIST digits, value = pixel * scale + offset. */
export function mnist(scale: number, offset: number) {
  return async function* (): AsyncGenerator<Sample> {
    const pixels = gunzipSync(readFileSync(dataFile('images/mnist/images-idx3-ubyte.gz'))).subarray(16);
    const labels = gunzipSync(readFileSync(dataFile('images/mnist/labels-idx1-ubyte.gz'))).subarray(8);
    for (const [i, label] of labels.entries()) {
      const data = Float32Array.from(pixels.subarray(i * 784, (i + 1) * 784), (pixel) => pixel * scale + offset);
      yield { input: new Tensor('float32', data, [1, 1, 28, 28]), label };
    }
  };
}

/** 500 keyword features of MLPerf Tiny. */
export async function* keywords(): AsyncGenerator<Sample> {
  const bytes = readFileSync(dataFile('audio/kws01/mfcc_int8_500x49x10.bin'));
  const features = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  for (const row of rows('audio/kws01/labels.csv')) {
    const start = Number(row.row) * 490;
    const data = Float32Array.from(features.subarray(start, start + 490), (value) => (value - 83) * 0.5847029);
    yield { input: new Tensor('float32', data, [1, 1, 49, 10]), label: Number(row.class) };
  }
}

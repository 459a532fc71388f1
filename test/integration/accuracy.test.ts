import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { load, type Tensor } from 'infernode';
import { wantsAvx512, wantsVnni } from '../support/cpu.js';
import { cifar10, imagenet, imagenetHalf, keywords, mnist, type Sample } from '../support/labelled.js';
import { dataFile, needsTestData } from '../support/test-data.js';
import { needsTorch } from '../support/torch.js';

/** Top-1 as MANIFEST.md states it, which others measured with Python. */
const classifiers: [model: string, samples: () => AsyncGenerator<Sample>, top1: number][] = [
  ['torchscript/mobilenet_v2_fp32.pt', imagenet, 0.8467],
  ['onnx/mobilenet_v2_fp32.onnx', imagenet, 0.8467],
  ['torchscript/mobilenet_v2_quantized.pt', imagenet, 0.84],
  ['onnx/mobilenetv2-12-int8.onnx', imagenet, 0.8367],
  ['onnx/squeezenet1_1_fp16.onnx', imagenetHalf, 0.6167],
  ['onnx/mnist-8.onnx', mnist(1, 0), 0.989],
  ['torchscript/vit4mnist.ptl', mnist(1 / 255 / 0.3081, -0.1307 / 0.3081), 0.978],
  ['torchscript/resnet20_cifar10_fp32.pt', cifar10(), 0.804],
  ['onnx/resnet20_cifar10_fp32.onnx', cifar10(), 0.804],
  ['aoti_pt2/resnet20_cifar10_fp32.pt2', cifar10(), 0.804],
  ['torchscript/kserve_cifar10_net.pt', cifar10({ scale: 1 / 127.5, mean: [1, 1, 1], std: [1, 1, 1] }), 0.541],
  ['torchscript/kws_dscnn_fp32.pt', keywords, 0.912],
  ['onnx/kws_dscnn_fp32.onnx', keywords, 0.912],
];

function argmax(scores: Tensor): number {
  const values = scores.toNumbers();
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

async function isRight(call: Promise<Record<string, Tensor>>, label: number): Promise<boolean> {
  return argmax(Object.values(await call)[0]!) === label;
}

describe('top-1 on labelled data is within half a point of the stated one', { skip: needsTestData }, () => {
  for (const [path, samples, stated] of classifiers) {
    const skip = path.endsWith('.onnx') ? false : needsTorch;
    const cpu = /int8|quantized/.test(path) ? wantsVnni : path.endsWith('.pt2') && wantsAvx512;
    test(path, { skip: skip || cpu }, async () => {
      await using model = await load(dataFile(`models/${path}`), { threads: 1 });
      const answers: Promise<boolean>[] = [];
      for await (const { input, label } of samples()) answers.push(isRight(model.run([input]), label));
      const right = (await Promise.all(answers)).filter(Boolean).length;
      const top1 = right / answers.length;
      assert.ok(Math.abs(top1 - stated) <= 0.005, `top-1 ${top1} (${right} of ${answers.length}), stated ${stated}`);
    });
  }
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fillDeviceOptions } from '#src/engine/device-options';
import type { LoadOptions } from '#src/engine/load-options';
import { throws } from '../../support/expect-error.js';

/** Fills options as JavaScript gives them, without types. */
const fill = (options: unknown) => fillDeviceOptions(options as LoadOptions);

test('the CPU by default, with graphs for where there is a GPU', () => {
  assert.deepEqual(fill({}), { device: 'cpu', devices: null, graphs: true, gpuMemoryLimit: undefined });
});

test('several devices, the first of which stands for all', () => {
  assert.deepEqual(fill({ devices: [1, 0], graphs: false, gpuMemoryLimit: 2 ** 30 }), {
    device: 'cuda:1',
    devices: ['cuda:1', 'cuda:0'],
    graphs: false,
    gpuMemoryLimit: 2 ** 30,
  });
  assert.deepEqual(fill({ device: 'cuda', devices: [2] }).devices, ['cuda:2']);
});

test('what cannot be is refused by name', () => {
  for (const devices of [[], [0, 0], [-1], [0.5], ['0'], 0, '0,1', null, [1000]])
    throws(() => fill({ devices }), 'INF_OPTION_INVALID', 'devices');
  for (const device of ['cpu', 'cuda:0'])
    throws(() => fill({ device, devices: [0] }), 'INF_OPTION_INVALID', 'device', device);
  for (const graphs of [1, 'yes', null]) throws(() => fill({ graphs }), 'INF_OPTION_INVALID', 'graphs');
  for (const gpuMemoryLimit of [0, -1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, '1'])
    throws(() => fill({ gpuMemoryLimit }), 'INF_OPTION_INVALID', 'gpuMemoryLimit');
});

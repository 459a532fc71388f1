import { wrongOption } from '../config/option-errors.js';
import type { FilledLoadOptions, LoadOptions } from './load-options.js';

type DeviceOptions = Pick<FilledLoadOptions, 'device' | 'devices' | 'graphs' | 'gpuMemoryLimit'>;

/** Checks the options that say where a model runs. @throws InfernodeError INF_OPTION_INVALID */
export function fillDeviceOptions(options: LoadOptions): DeviceOptions {
  const { device = 'auto', devices, graphs = true, gpuMemoryLimit } = options;
  if (typeof device !== 'string' || !/^(auto|cpu|cuda(:\d{1,3})?)$/.test(device))
    throw wrongOption('device', 'auto, cpu, cuda or cuda:N', device);
  if (typeof graphs !== 'boolean') throw wrongOption('graphs', 'true or false', graphs);
  if (gpuMemoryLimit !== undefined && !(Number.isSafeInteger(gpuMemoryLimit) && gpuMemoryLimit > 0))
    throw wrongOption('gpuMemoryLimit', 'a number of bytes', gpuMemoryLimit);
  const one = device === 'auto' ? 'cpu' : device === 'cuda' ? 'cuda:0' : device;
  if (devices === undefined) return { device: one, devices: null, graphs, gpuMemoryLimit };
  if (!isListOfDevices(devices)) throw wrongOption('devices', 'a list of different numbers of GPUs', devices);
  if (device !== 'auto' && device !== 'cuda') throw wrongOption('device', 'cuda, where devices are given', device);
  const several = devices.map((index) => `cuda:${index}`);
  return { device: several[0]!, devices: several, graphs, gpuMemoryLimit };
}

function isListOfDevices(devices: unknown): devices is readonly number[] {
  if (!Array.isArray(devices) || devices.length === 0) return false;
  return devices.every((index) => Number.isInteger(index) && index >= 0 && index < 1000) && areDifferent(devices);
}

function areDifferent(list: readonly unknown[]): boolean {
  return new Set(list).size === list.length;
}

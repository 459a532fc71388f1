import type { BackendStatus, ModelFormat } from '../backends/backend.js';
import { BACKEND_NAMES, backendOf } from '../backends/registry.js';
import { InfernodeError } from '../errors.js';
import type { CommonOptions } from './common-options.js';

type RuntimeOptions = Pick<CommonOptions, 'backend' | 'device' | 'libtorch'>;

/** The formats that can be run with these options. */
export function formatsOf({ backend, libtorch }: RuntimeOptions): ModelFormat[] {
  const names = backend === 'auto' ? BACKEND_NAMES : [backend];
  return names.flatMap((name) => backendOf(name, libtorch).formats);
}

/**
 * Finds out at the start whether no model at all could be loaded: the backend that was asked for does not work, or there is
 * no such device.
 *
 * @throws InfernodeError INF_BACKEND_UNAVAILABLE, INF_DEVICE_UNAVAILABLE
 */
export async function checkRuntime({ backend, device, libtorch }: RuntimeOptions): Promise<void> {
  const any = backend === 'auto' && libtorch === undefined;
  const anywhere = device === 'auto' || device === 'cpu';
  if (any && anywhere) return;
  const names = any ? BACKEND_NAMES : [backend === 'auto' ? 'torch' : backend];
  const statuses = await Promise.all(names.map((name) => backendOf(name, libtorch).probe()));
  const working = statuses.filter(({ available }) => available);
  if (working.length === 0) throw unavailable(statuses);
  const wanted = device === 'cuda' ? 'cuda:0' : device;
  const devices = new Set(working.flatMap((status) => status.devices));
  if (anywhere || devices.has(wanted)) return;
  const expected = [...devices].join(', ');
  const who = names.length === 1 ? `the ${names[0]} backend has` : 'there is';
  const message = `There is no device ${wanted} here; ${who} ${expected}${whyNoGpu(statuses)}`;
  throw new InfernodeError('INF_DEVICE_UNAVAILABLE', message, { details: { name: 'device', expected, given: device } });
}

/** GPUs are for torch alone: what its libraries say of the driver, or why it does not work. */
function whyNoGpu(statuses: readonly BackendStatus[]): string {
  const torch = statuses.find(({ name }) => name === 'torch');
  if (torch === undefined) return '';
  const why = torch.available ? torch.gpu?.unavailable : `the torch backend is unavailable: ${torch.reason}`;
  return why === undefined ? '' : `: ${why}`;
}

function unavailable(statuses: readonly BackendStatus[]): InfernodeError {
  const reasons = statuses.map(({ name, reason }) => `The ${name} backend is unavailable: ${reason}`);
  return new InfernodeError('INF_BACKEND_UNAVAILABLE', reasons.join('; '));
}

import { InfernodeError } from '../errors.js';

/** Whether an error means that every later call of the process on a GPU would fail as well. */
export function isDeviceFailure(error: unknown): error is InfernodeError {
  return error instanceof InfernodeError && error.code === 'INF_DEVICE_FAILED';
}

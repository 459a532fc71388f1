import { InfernodeError } from '../../errors.js';

/** The settings of traces, of which none are made. */
export const TRACE_SETTINGS: Readonly<Record<string, readonly string[]>> = { trace_level: ['OFF'] };

/** The settings of the log as clients may change it: not at all, so nothing is written for them. */
export const LOG_SETTINGS: Readonly<Record<string, boolean | number>> = {
  log_error: false,
  log_warning: false,
  log_info: false,
  log_verbose_level: 0,
};

/** @param changes what a request wants to set @throws InfernodeError INF_REQUEST_UNSUPPORTED unless that is nothing */
export function refuseChanges(changes: object, what: 'traces' | 'the log'): void {
  if (Object.keys(changes).length === 0) return;
  throw new InfernodeError('INF_REQUEST_UNSUPPORTED', `The settings of ${what} cannot be changed`);
}

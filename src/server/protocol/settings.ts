import { InfernodeError } from '../../errors.js';
import { LOG_LEVELS, type LogLevel } from '../options.js';

/** The settings of traces, of which none are made. */
export const TRACE_SETTINGS: Readonly<Record<string, readonly string[]>> = { trace_level: ['OFF'] };

/**
 * What the log has at this level. Clients may read it, not change it.
 *
 * @param level undefined where nothing is logged
 */
export function logSettings(level: string | undefined): Readonly<Record<string, boolean | number>> {
  const includes = (one: LogLevel) => LOG_LEVELS.indexOf(one) <= LOG_LEVELS.indexOf(level as LogLevel);
  return {
    log_error: includes('error'),
    log_warning: includes('warn'),
    log_info: includes('info'),
    log_verbose_level: includes('debug') ? 1 : 0,
  };
}

/** @param changes what a request wants to set @throws InfernodeError INF_REQUEST_UNSUPPORTED unless that is nothing */
export function refuseChanges(changes: object, what: 'traces' | 'the log'): void {
  if (Object.keys(changes).length === 0) return;
  throw new InfernodeError('INF_REQUEST_UNSUPPORTED', `The settings of ${what} cannot be changed`);
}

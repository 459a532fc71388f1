import { InfernodeError } from '../../errors.js';

interface SettingsRequest {
  readonly settings?: Readonly<Record<string, object>>;
}

/** The settings of traces, of which none are made. @throws InfernodeError INF_REQUEST_UNSUPPORTED for a change */
export function traceSettings(request: SettingsRequest): object {
  refuseChanges(request, 'traces');
  return { settings: { trace_level: { value: ['OFF'] } } };
}

/** The settings of the log, which is not written. @throws InfernodeError INF_REQUEST_UNSUPPORTED for a change */
export function logSettings(request: SettingsRequest): object {
  refuseChanges(request, 'the log');
  const off = { bool_param: false };
  return { settings: { log_error: off, log_warning: off, log_info: off, log_verbose_level: { uint32_param: 0 } } };
}

function refuseChanges({ settings = {} }: SettingsRequest, what: string): void {
  if (Object.keys(settings).length === 0) return;
  throw new InfernodeError('INF_REQUEST_UNSUPPORTED', `The settings of ${what} cannot be changed`);
}

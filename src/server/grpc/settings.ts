import type { LogLevel } from '../options.js';
import { logSettings, refuseChanges, TRACE_SETTINGS } from '../protocol/settings.js';

interface SettingsRequest {
  readonly settings?: Readonly<Record<string, object>>;
}

/** A TraceSettingResponse. @throws InfernodeError INF_REQUEST_UNSUPPORTED for a change */
export function traceSettings({ settings = {} }: SettingsRequest): object {
  refuseChanges(settings, 'traces');
  return { settings: mapValues(TRACE_SETTINGS, (value) => ({ value })) };
}

/** A LogSettingsResponse. @throws InfernodeError INF_REQUEST_UNSUPPORTED for a change */
export function logSettingsAt(level: LogLevel, { settings = {} }: SettingsRequest): object {
  refuseChanges(settings, 'the log');
  return {
    settings: mapValues(logSettings(level), (value) =>
      typeof value === 'boolean' ? { bool_param: value } : { uint32_param: value },
    ),
  };
}

function mapValues<T>(values: Readonly<Record<string, T>>, map: (value: T) => object): object {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, map(value)]));
}

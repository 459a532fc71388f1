import { packageVersion } from '../config/package-root.js';
import type { Engine } from '../engine/engine.js';
import { InfernodeError } from '../errors.js';
import { clip, print, printJsonLine, table } from './output.js';

/** How to say it. */
interface ReportOptions {
  /** One JSON document a line. */
  readonly json?: boolean;
  readonly docs: boolean;
}

/** Where the servers are. */
export function reportListening(at: { http: string; grpc?: string }, { json, docs }: ReportOptions): void {
  const version = packageVersion();
  if (json) {
    printJsonLine({ event: 'listening', version, ...at });
    return;
  }
  print(`Infernode ${version} listens on ${at.http}${docs ? ` (API: ${at.http}/docs)` : ''}`);
  if (at.grpc !== undefined) print(`gRPC on ${at.grpc}`);
}

/** What became of the models of the start. */
export function reportModels(engine: Engine, { json }: ReportOptions): void {
  const models = engine.models();
  if (json) {
    printJsonLine({ event: 'loaded', ready: engine.ready, models });
    return;
  }
  const [served, all] = [engine.served(), models].map((list) => new Set(list.map(({ name }) => name)).size);
  const count = `${served} of ${all} ${all === 1 ? 'model' : 'models'}`;
  const rows = models.map(({ name, version, state, reason }) => [name, String(version ?? '-'), state, clip(reason)]);
  print(`Serves ${count}\n${table(rows, '  ')}`);
}

/** What keeps a model from serving that was named on the command line; others stop nobody. */
export function failureOf(engine: Engine, named: readonly string[]): InfernodeError | undefined {
  const failed = engine.awaited().find(({ name }) => named.includes(name));
  if (failed === undefined) return undefined;
  const { name, reason } = failed;
  return new InfernodeError('INF_MODEL_NOT_READY', `Model "${name}" does not serve: ${reason}`, { details: { name } });
}

import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ControlMode } from '../engine/engine.js';
import { InfernodeError } from '../errors.js';
import type { LogLevel } from '../server/options.js';
import { addModelOptions, addOutputOptions, type CommonOptions, loadOptions, parsePositive } from './common-options.js';
import { namedModels } from './named-models.js';
import { type AccessOptions, accessOf } from './serve-access.js';
import { closeDoors, makeDoors, openDoors } from './serve-doors.js';
import { failureOf, reportListening, reportModels } from './serve-report.js';

interface ServeOptions extends CommonOptions, AccessOptions {
  readonly models?: string;
  readonly port: number;
  readonly grpcPort?: number;
  readonly logLevel: LogLevel;
  readonly mode: ControlMode;
  readonly maxQueueBytes?: number;
  readonly docs: boolean;
  readonly drainDelay: number;
  readonly grace: number;
}

/** Adds `infernode serve [MODEL...]`. */
export function addServe(program: Command): void {
  const command = program
    .command('serve [model...]')
    .description('serve models over HTTP and gRPC: Open Inference Protocol v2; MODEL may be NAME=MODEL')
    .option('--models <dir>', 'a folder of models: NAME/VERSION/model.*, NAME/model.* or NAME.*')
    .addOption(
      new Option('--mode <mode>', 'which models of that folder are loaded: all, on request, or as the folder changes')
        .choices(['none', 'explicit', 'poll'])
        .default('none'),
    )
    .option('--max-queue-bytes <n>', 'what the tensors of all requests may hold; 1 GiB by default', parsePositive)
    .option('--host <address>', 'where to listen; others than loopback need an API key', '127.0.0.1')
    .option('--port <n>', 'port of HTTP; 0 for any free one', parsePort, 8080)
    .option('--grpc-port <n>', 'port of gRPC, which is off without it; 0 for any free one', parsePort)
    .option('--api-key <key>', 'a key that requests must bring; repeat for more (or INFERNODE_API_KEYS=a,b)', collect)
    .option('--insecure', 'listen on other addresses without a key')
    .option('--tls-cert <file>', 'certificate (PEM) for HTTPS and gRPC; needs --tls-key')
    .option('--tls-key <file>', 'its private key (PEM)')
    .option('--tls-ca <file>', 'clients must show a certificate of this authority (PEM)')
    .addOption(
      new Option('--log-level <level>', 'what is logged, as JSON on standard error')
        .choices(['silent', 'error', 'warn', 'info', 'debug'])
        .default('warn'),
    )
    .option('--no-docs', 'no page about the API at /docs')
    .option('--drain-delay <seconds>', 'how long it still answers, but is not ready, after SIGTERM', parseSeconds, 0)
    .option('--grace <seconds>', 'how long requests may go on after that', parsePositive, 30)
    .action(serve);
  addOutputOptions(addModelOptions(command));
}

async function serve(models: string[], options: ServeOptions): Promise<void> {
  // The JavaScript heap of a server is small, for tensors lie beside it; but their comings and goings make V8 collect often.
  // Marked at one go, that takes a few milliseconds; in steps, between which a model computes, several times as long.
  setFlagsFromString('--no-incremental-marking');
  // What requests are made of is not long-lived, even if many wait for a moment: it must not be made in the old generation then.
  setFlagsFromString('--no-allocation-site-pretenuring');
  const named = namedModels(models);
  if (models.length === 0 && options.models === undefined) {
    throw new InfernodeError('INF_OPTION_INVALID', 'There is nothing to serve: give a MODEL, or --models DIR');
  }
  const access = await accessOf(options);
  const [{ checkRuntime, formatsOf }, { checkNamedModels, checkNamesDiffer, checkRepository }] = await Promise.all([
    import('./check-runtime.js'),
    import('./check-models.js'),
  ]);
  if (options.models !== undefined) {
    await checkRepository(options.models);
    await checkNamesDiffer(named, options.models);
  }
  await checkRuntime(options);
  await checkNamedModels(named, formatsOf(options));
  const [{ Engine }, { MetricsObserver }] = await Promise.all([
    import('../engine/engine.js'),
    import('../server/metrics/metrics-observer.js'),
  ]);
  const metrics = new MetricsObserver();
  const engine = await Engine.start({
    ...loadOptions(options),
    models: named,
    mode: options.mode,
    // Who names a model wants it served.
    ...(options.mode === 'explicit' && { startup: Object.keys(named) }),
    ...(options.models !== undefined && { repository: options.models }),
    ...(options.maxQueueBytes !== undefined && { maxQueueBytes: options.maxQueueBytes }),
    observe: metrics.observe,
  });
  try {
    const { host, port, grpcPort, logLevel, docs } = options;
    const doors = await makeDoors(engine, metrics, { host, port, grpcPort, logLevel, docs, ...access });
    const stopped = untilStopped();
    // Who waits for the models asks a server that is there whether it is ready.
    reportListening(await openDoors(doors), options);
    const loaded = engine.started.then(() => true);
    if (await Promise.race([loaded, stopped])) {
      reportModels(engine, options);
      const failure = failureOf(engine, Object.keys(named));
      if (failure !== undefined) {
        await closeDoors(doors, 0);
        throw failure;
      }
    }
    await stopped;
    for (const door of doors.values()) door.drain();
    await sleep(options.drainDelay * 1000);
    const graceMs = options.grace * 1000;
    setTimeout(giveUp, graceMs + LAST_CALL_MS).unref();
    const asked = performance.now();
    await closeDoors(doors, graceMs);
    if (performance.now() - asked >= graceMs) {
      process.stderr.write('error: Requests were cut at the end of the grace\n');
      process.exitCode = 1;
    }
  } finally {
    await engine.close();
    metrics.close();
  }
}

/** After the grace nobody waits for an answer any more, but models cannot be stopped in the middle of a call. */
const LAST_CALL_MS = 5000;

function giveUp(): void {
  process.stderr.write('error: A model has not come to an end within the grace\n');
  endAtOnce();
}

/** `process.exit` would wait for the call that runs. */
function endAtOnce(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** Resolves, to false, at the first SIGTERM or SIGINT; the second one ends the process at once. */
function untilStopped(): Promise<false> {
  return new Promise((resolve) => {
    let asked = false;
    const stop = () => {
      if (asked) endAtOnce();
      asked = true;
      resolve(false);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}

function collect(value: string, previous: string[] = []): string[] {
  return [...previous, value];
}

function parseSeconds(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('Expected a whole number of seconds.');
  return Number(text);
}

function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError('Expected 0 to 65535.');
  return Number(text);
}

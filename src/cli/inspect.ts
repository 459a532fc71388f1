import { stat } from 'node:fs/promises';
import type { Command } from 'commander';
import type { GraphState, ModelInfo, Signature } from '../backends/backend.js';
import type { Model } from '../engine/model.js';
import { addModelOptions, addOutputOptions, type CommonOptions, loadOptions } from './common-options.js';
import { clip, formatBytes, formatCount, formatValue, print, printJson, table } from './output.js';

/** Operations listed as text; JSON has all. */
const TOP_OPS = 10;

/** Adds `infernode inspect MODEL`. */
export function addInspect(program: Command): void {
  const command = program
    .command('inspect <model>')
    .description('show what a model takes and gives, and what it is made of')
    .action(inspect);
  addOutputOptions(addModelOptions(command));
}

async function inspect(path: string, options: CommonOptions): Promise<void> {
  // The engine is loaded here, not with the command line: --help answers at once.
  const { load } = await import('../engine/load.js');
  const given = loadOptions(options);
  // What of a model can be recorded as a CUDA graph shows when it runs.
  const model = await load(path, given.device === 'cpu' || given.device === 'auto' ? given : { ...given, warmup: 1 });
  try {
    const { size } = await stat(model.file);
    if (options.json) printJson(toJson(model, size));
    else print(toText(model, size));
  } finally {
    await model.close();
  }
}

function toJson(model: Model, fileBytes: number): object {
  const { file, path, info, choice, config } = model;
  const graphs = model.graphs === null ? {} : { graphs: model.graphs };
  return { model: path, file, fileBytes, ...info, ...graphs, reason: choice.reason, config };
}

function toText(model: Model, fileBytes: number): string {
  const { info, choice } = model;
  const { count, bytes, dtypes } = info.parameters;
  const precision = Object.entries(dtypes).sort((a, b) => b[1] - a[1]);
  const rows = [
    ['model', model.file],
    ['format', `${info.format}, ${formatBytes(fileBytes)}`],
    [
      'backend',
      `${info.backend} on ${info.device}, ${info.threads} thread${info.threads === 1 ? '' : 's'} (${choice.reason})`,
    ],
    ['parameters', `${formatCount(count)}, ${formatBytes(bytes)}`],
    ['precision', precision.map(([dtype, elements]) => share(dtype, elements, count)).join(', ') || 'no weights'],
    ...graphRows(model.graphs),
    ['stateful', info.stateful ? 'yes: calls change the model, and run one by one' : 'no'],
    ...Object.entries(info.metadata).map(([name, value]) => [name, clip(value)]),
  ];
  const methods = Object.entries(info.methods).map(([name, signature]) => methodText(name, signature, info));
  return [table(rows), ...methods, opsText(info.ops)].join('\n\n');
}

function graphRows(graphs: GraphState | null): string[][] {
  if (graphs === null) return [];
  const recorded = graphs.executors.flatMap((executor) => executor.recorded);
  const failures = graphs.executors.flatMap((executor) => executor.failures);
  return [
    ['CUDA graphs', recorded.join(', ') || 'none recorded'],
    ...failures.map(({ signature, reason }) => ['', `${signature} is computed each time: ${clip(reason)}`]),
  ];
}

function share(dtype: string, elements: number, total: number): string {
  const percent = (100 * elements) / total;
  return elements === total ? dtype : `${dtype} ${percent < 0.05 ? '<0.1' : percent.toFixed(1)}%`;
}

function methodText(name: string, { inputs, outputs }: Signature, info: ModelInfo): string {
  const values = [...inputs.map((value) => ['in', value] as const), ...outputs.map((value) => ['out', value] as const)];
  const derived = info.signatureSource === 'derived' && values.some(([, { shape }]) => shape !== null);
  const rows = values.map(([way, value]) => [way, value.name, formatValue(value)]);
  return `${name}${derived ? ' (shapes derived from the layers)' : ''}\n${table(rows, '  ') || '  takes and gives nothing'}`;
}

function opsText(ops: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(ops).sort((a, b) => b[1] - a[1]);
  const total = sorted.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return 'operations: none listed (compiled)';
  const rows = sorted.slice(0, TOP_OPS).map(([name, count]) => [formatCount(count), name]);
  const rest = sorted.length - rows.length;
  const more = rest > 0 ? `\n  and ${rest} more kinds (--json lists all)` : '';
  return `operations: ${formatCount(total)} of ${sorted.length} kinds\n${table(rows, '  ', [0])}${more}`;
}

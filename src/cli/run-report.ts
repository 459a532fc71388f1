import { formatShape } from '../backends/input-errors.js';
import type { Model } from '../engine/model.js';
import type { DType } from '../tensor/dtype.js';
import { tensorToJson } from '../tensor/json.js';
import { type NestedArray, Tensor } from '../tensor/tensor.js';
import { formatElement, formatMs, print, table } from './output.js';
import type { Answer } from './run-calls.js';
import type { BestClasses } from './run-scores.js';

/** All that a run gave. */
export interface Report {
  readonly model: Model;
  readonly method: string;
  readonly repeat: number;
  readonly calls: readonly (Answer & { readonly best: BestClasses | null })[];
  /** The files that were written. */
  readonly saved: readonly string[];
}

/** Larger outputs are cut in JSON; `--output` writes them whole. */
const FULL_ELEMENTS = 10_000;
const FIRST_JSON = 16;
const FIRST_TEXT = 8;

/**
 * The run as JSON: `{model, format, backend, device, threads, reason, method, repeat, saved}` and, of the only call,
 * `{files, latencyMs, outputs, top?}`; several calls stand in `calls`.
 */
export function reportJson({ model, method, repeat, calls, saved }: Report): object {
  const { format, backend, device, threads } = model.info;
  const list = calls.map(({ files, latencyMs, outputs, best }) => ({
    files,
    latencyMs,
    outputs: Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [name, outputJson(tensor)])),
    ...(best === null ? {} : { top: best }),
  }));
  const answers = list.length === 1 ? list[0] : { calls: list };
  const how = { format, backend, device, threads, reason: model.choice.reason, method, repeat };
  return { model: model.file, ...how, ...answers, saved };
}

function outputJson(tensor: Tensor): object {
  if (tensor.size <= FULL_ELEMENTS) return tensorToJson(tensor);
  const { dtype, shape } = tensor;
  return { dtype, shape, elements: tensor.size, first: tensorToJson(firstOf(tensor, FIRST_JSON)).data };
}

/** Prints the run for people. */
export function reportText({ model, method, repeat, calls, saved }: Report): void {
  const { backend, device, threads } = model.info;
  const rows = [
    ['model', model.file],
    ['backend', `${backend} on ${device}, ${threads} thread${threads === 1 ? '' : 's'}`],
    ...(method === 'forward' ? [] : [['method', method]]),
    [
      'latency',
      calls.map(({ latencyMs }) => formatMs(latencyMs)).join(', ') +
        (repeat > 1 ? ` (median of ${repeat} runs)` : ' (first run; --repeat N gives the median of more)'),
    ],
  ];
  print(table(rows));
  for (const call of calls) print(`\n${callText(call)}`);
  if (saved.length > 0) print(`\n${saved.map((file) => `wrote ${file}`).join('\n')}`);
}

function callText({ files, outputs, best }: Report['calls'][number]): string {
  const parts: string[] = [];
  if (best !== null) parts.push(bestText(best, files));
  else if (files.length > 0) parts.push(files.join('\n'));
  const others = Object.entries(outputs).filter(([name]) => name !== best?.output);
  if (others.length > 0) parts.push(outputsText(others));
  if (parts.length === 0) parts.push('no outputs');
  return parts.join('\n\n');
}

function bestText({ rows }: BestClasses, files: readonly string[]): string {
  const scores = rows.flat().map(({ score }) => score);
  const percent = scores.every((score) => score >= 0 && score <= 1);
  return rows
    .map((row, index) => {
      const title = files[index] ?? (rows.length > 1 ? `row ${index}` : undefined);
      const lines = row.map(({ index: number, label, score }) => [
        percent ? `${(100 * score).toFixed(2)}%` : formatElement(score),
        label ?? `class ${number}`,
      ]);
      return (title === undefined ? '' : `${title}\n`) + table(lines, '  ', [0]);
    })
    .join('\n');
}

function outputsText(outputs: readonly (readonly [string, Tensor])[]): string {
  return table(
    outputs.map(([name, tensor]) => [name, `${tensor.dtype} ${formatShape(tensor.shape)}`, valuesText(tensor)]),
  );
}

function valuesText(tensor: Tensor): string {
  const first = firstOf(tensor, FIRST_TEXT).toArray() as Exclude<NestedArray, NestedArray[]>[];
  return first.map(formatElement).join(' ') + (tensor.size > FIRST_TEXT ? ' ...' : '');
}

/** The first elements, in one dimension. */
function firstOf(tensor: Tensor, count: number): Tensor {
  const data = tensor.data.slice(0, count) as Tensor['data'];
  return new Tensor<DType>(tensor.dtype, data, [data.length]);
}

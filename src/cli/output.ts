import type { ValueInfo } from '../backends/backend.js';
import { formatShape } from '../backends/input-errors.js';

/** Writes lines to standard output. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Writes a value to standard output as one line of JSON. */
export function printJsonLine(value: object): void {
  print(JSON.stringify(value));
}

/** Writes a value to standard output as JSON; 64-bit integers that a double cannot hold become strings. */
export function printJson(value: unknown): void {
  const safe = (_key: string, item: unknown) =>
    typeof item === 'bigint' ? (Number.isSafeInteger(Number(item)) ? Number(item) : item.toString()) : item;
  print(JSON.stringify(value, safe, 2));
}

/**
 * Rows of cells with aligned columns, two spaces apart. A cell may hold several lines.
 *
 * @param indent put before every line
 * @param right the columns to align on the right
 */
export function table(rows: readonly (readonly string[])[], indent = '', right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, column) => {
      const last = column === row.length - 1 && !right.includes(column);
      if (!last) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
    });
  }
  const pad = (cell: string, column: number) => {
    const fill = ' '.repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell)));
    return right.includes(column) ? fill + cell : cell + fill;
  };
  return rows.map((row) => (indent + row.map(pad).join('  ')).trimEnd()).join('\n');
}

/** Columns of a terminal, counted by characters. */
function widthOf(cell: string): number {
  return Array.from(cell).length;
}

/** Text on one line, cut where it is long: metadata may hold whole documents, and messages whole traces. */
export function clip(text: string, most = 100): string {
  const line = text.trim().replace(/\s+/g, ' ');
  return line.length > most ? `${line.slice(0, most - 3)}...` : line;
}

/** `4.8 MB`; decimal units. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `3,504,872`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US');
}

/** A float with six digits at most, other elements as they are. */
export function formatElement(value: number | bigint | boolean | string): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value !== 'number' || Number.isInteger(value) || !Number.isFinite(value)) return String(value);
  return String(Number(value.toPrecision(6)));
}

/** Shorter times are shown in microseconds. */
export const LEAST_MS = 0.1;

/** `12.3 ms`, or `45.6 us`. */
export function formatMs(ms: number): string {
  if (ms < LEAST_MS) return `${(1000 * ms).toFixed(1)} us`;
  return `${ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}

/** `float32 [batch, 3, 224, 224]`, or the model's own words for what is no tensor. */
export function formatValue(info: ValueInfo): string {
  const what =
    info.kind === 'tensor' ? `${info.dtype ?? 'tensor'} ${formatShape(info.shape, info.maxShape)}` : info.type;
  return info.optional ? `${what}, optional` : what;
}

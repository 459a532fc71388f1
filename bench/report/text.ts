import type { Figure } from '../results/spread.js';

/** A number with three digits that count. */
export function digits(value: number): string {
  if (value >= 100) return Math.round(value).toString();
  return value.toPrecision(3);
}

/** `12.3 (11.9..12.8)`; of one round, which has no range, `12.3`. */
export function figure({ median, low, high }: Figure): string {
  if (low === high) return digits(median);
  return `${digits(median)} (${digits(low)}..${digits(high)})`;
}

/** `1.23x (1.19..1.28)` */
export function times({ median, low, high }: Figure): string {
  return `${median.toFixed(2)}x (${low.toFixed(2)}..${high.toFixed(2)})`;
}

export function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** `3 to 5 rounds`, `1 round` */
export function countText(counts: readonly number[], what: string): string {
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  if (least < most) return `${least} to ${most} ${what}s`;
  return `${most} ${what}${most === 1 ? '' : 's'}`;
}

/** A table in Markdown, or the empty text where it has no rows. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

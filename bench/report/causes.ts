/** Why a line is as it is, written by hand in bench/causes.md: a text below each heading `## SCENARIO / MODEL / PRECISION`. */
export interface Cause {
  readonly key: readonly string[];
  readonly text: string;
}

/** @param markdown parts of a key may be `*`, which stands for all */
export function parseCauses(markdown: string): Cause[] {
  return markdown
    .split(/^## /m)
    .slice(1)
    .map((section) => {
      const [heading = '', ...lines] = section.split('\n');
      const key = heading.split('/').map((part) => part.trim());
      if (key.length !== 3) throw new Error(`bench/causes.md: "${heading}" is not SCENARIO / MODEL / PRECISION`);
      return { key, text: lines.join('\n').trim() };
    });
}

/** All that is known of a line, in the order of the file; null where nothing is. */
export function causeOf(
  causes: readonly Cause[],
  line: { scenario: string; model: string; precision: string },
): string | null {
  const wanted = [line.scenario, line.model, line.precision];
  const found = causes.filter(({ key }) => key.every((part, index) => part === '*' || part === wanted[index]));
  return found.length === 0
    ? null
    : found
        .map(({ text }) => text)
        .join(' ')
        .replaceAll('\n', ' ');
}

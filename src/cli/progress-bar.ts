import type { WriteStream } from 'node:tty';

const WIDTH = 24;

/** One line that fills up on a terminal; elsewhere, as in a log file, a line for each milestone. */
export class ProgressBar {
  #shown = false;

  constructor(private readonly stream: NodeJS.WriteStream | WriteStream) {}

  /** @param fraction from 0 to 1 */
  show(fraction: number, text: string, milestone = false): void {
    const percent = `${String(Math.floor(fraction * 100)).padStart(3)}%  ${text}`;
    if (!this.stream.isTTY) {
      if (milestone) this.stream.write(`${percent}\n`);
      return;
    }
    const full = Math.round(fraction * WIDTH);
    const line = `[${'#'.repeat(full)}${' '.repeat(WIDTH - full)}] ${percent}`;
    this.#shown = true;
    this.stream.write(`\r\x1b[K${line.slice(0, (this.stream.columns ?? 80) - 1)}`);
  }

  clear(): void {
    if (this.#shown) this.stream.write('\r\x1b[K');
    this.#shown = false;
  }
}

import { CommanderError } from 'commander';
import { InfernodeError, messageOf } from '../errors.js';
import { printJson } from './output.js';

/** Exit codes; a public contract. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

/** How errors are shown. */
export interface ErrorStyle {
  /** `{"error": {code, message, details}}` on standard output instead of a line on standard error. */
  readonly json: boolean;
  /** With the causes, and the stack of an error that is a bug. */
  readonly verbose: boolean;
}

/** Shows an error and returns the exit code: 2 for a command line that cannot be right, else 1. */
export function reportError(error: unknown, style: ErrorStyle): number {
  const coded = toCoded(error);
  const causes = style.verbose ? causesOf(error) : [];
  if (style.json) {
    const more = causes.length > 0 ? { causes } : {};
    printJson({ error: { code: coded.code, message: coded.message, details: coded.details, ...more } });
  } else {
    const lines = [
      `error: ${oneLine(coded.message)} (${coded.code})`,
      ...causes.map((cause) => `  caused by: ${cause}`),
    ];
    if (style.verbose && coded.code === 'INF_INTERNAL' && error instanceof Error) lines.push(String(error.stack));
    process.stderr.write(`${lines.join('\n')}\n`);
  }
  return coded.code === 'INF_OPTION_INVALID' ? EXIT.usage : EXIT.failed;
}

function toCoded(error: unknown): InfernodeError {
  if (error instanceof InfernodeError) return error;
  if (error instanceof CommanderError) {
    return new InfernodeError(
      'INF_OPTION_INVALID',
      error.message.replace(/^error: /, '').replace(/\(Did you/, '(did you'),
    );
  }
  return new InfernodeError('INF_INTERNAL', `${messageOf(error)}; please report this with the output of --verbose`, {
    cause: error,
  });
}

function oneLine(message: string): string {
  return message.replace(/\s*\n\s*/g, ' ').trim();
}

function causesOf(error: unknown): string[] {
  const causes: string[] = [];
  for (let cause = (error as Error).cause; cause !== undefined && causes.length < 10; cause = (cause as Error).cause) {
    causes.push(messageOf(cause));
    if (typeof cause !== 'object' || cause === null) break;
  }
  return causes;
}

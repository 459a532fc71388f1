import { afterEach } from 'node:test';

/** Gives variables of the environment their values back after each test of the file. */
export function restoreVariables(names: readonly string[]): void {
  const kept = names.map((name) => [name, process.env[name]] as const);
  afterEach(() => {
    for (const [name, value] of kept) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
}

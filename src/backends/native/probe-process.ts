import { execFile } from 'node:child_process';

/** What a child process that opened native libraries found. */
export type ProbeResult<Description> =
  | { readonly ok: true; readonly description: Description }
  | { readonly ok: false; readonly reason: string };

const TIMEOUT_MS = 60_000;

/** Runs a program of Node.js that answers with a ProbeResult on stdout. If it crashes, that is the result. */
export function askProcess<Description>(args: readonly string[]): Promise<ProbeResult<Description>> {
  return new Promise((settle) => {
    const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: '' };
    execFile(process.execPath, args, { env, timeout: TIMEOUT_MS }, (error, stdout, stderr) => {
      const answer = parse<Description>(stdout);
      if (answer !== undefined) return settle(answer);
      const how = error?.signal ? `crashed with ${error.signal}` : `ended with exit code ${error?.code ?? 0}`;
      const text = stderr.trim().split('\n').at(-1) ?? '';
      settle({ ok: false, reason: `loading it ${how}${text ? `: ${text}` : ''}` });
    });
  });
}

function parse<Description>(stdout: string): ProbeResult<Description> | undefined {
  try {
    return JSON.parse(stdout) as ProbeResult<Description>;
  } catch {
    return undefined;
  }
}

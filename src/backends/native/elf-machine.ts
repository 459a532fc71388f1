import { closeSync, openSync, readSync } from 'node:fs';

const HEADER_BYTES = 20;
/** e_machine of the ELF header, by Node's name of the architecture. */
const MACHINES: Readonly<Record<string, number>> = { ia32: 3, arm: 40, x64: 62, arm64: 183, riscv64: 243 };

/**
 * Why a Linux library cannot run on this processor, told from its header: the dynamic loader's own words for that speak of a
 * file that does not exist. Null where it can, or where only opening it will tell.
 */
export function machineProblem(path: string): string | null {
  const header = readHeader(path);
  if (header === null || header.toString('latin1', 0, 4) !== '\x7fELF') return null;
  const machine = header.readUInt16LE(18);
  if (machine === MACHINES[process.arch]) return null;
  const name = Object.keys(MACHINES).find((arch) => MACHINES[arch] === machine) ?? `another processor (${machine})`;
  return `${path} is built for ${name}, and this is ${process.arch}`;
}

function readHeader(path: string): Buffer | null {
  try {
    const file = openSync(path, 'r');
    try {
      const header = Buffer.alloc(HEADER_BYTES);
      return readSync(file, header) === HEADER_BYTES ? header : null;
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const HEADER_BYTES = 64;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
/** p_type of what the loader maps. */
const LOADABLE = 1;
/** e_machine of the ELF header, by Node's name of the architecture. */
const MACHINES: Readonly<Record<string, number>> = { ia32: 3, arm: 40, x64: 62, arm64: 183, riscv64: 243 };

/**
 * Why a Linux library cannot be used here, as far as its headers tell: it is for another processor, of which the dynamic
 * loader says that the file does not exist, or it is cut short, which ends the process that reads beyond its end. Null where
 * nothing is wrong, or where only opening it will tell.
 */
export function elfProblem(path: string): string | null {
  try {
    const file = openSync(path, 'r');
    try {
      const header = read(file, 0, HEADER_BYTES);
      if (header.toString('latin1', 0, 4) !== '\x7fELF') return null;
      return machineProblem(path, header.readUInt16LE(18)) ?? lengthProblem(path, file, header);
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
}

function machineProblem(path: string, machine: number): string | null {
  if (machine === MACHINES[process.arch]) return null;
  const name = Object.keys(MACHINES).find((arch) => MACHINES[arch] === machine) ?? `another processor (${machine})`;
  return `${path} is built for ${name}, and this is ${process.arch}`;
}

function lengthProblem(path: string, file: number, header: Buffer): string | null {
  if (header[4] !== CLASS_64 || header[5] !== LITTLE_ENDIAN) return null;
  const { size } = fstatSync(file);
  const needed = mappedBytes(file, header, size);
  return needed <= size ? null : `${path} is cut short: it has ${size} bytes, and needs ${needed} at least`;
}

/** Where the last part that the loader maps ends in the file. */
function mappedBytes(file: number, header: Buffer, size: number): number {
  const start = Number(header.readBigUInt64LE(32));
  const [entryBytes, count] = [header.readUInt16LE(54), header.readUInt16LE(56)];
  const end = start + entryBytes * count;
  if (end > size) return end;
  const table = read(file, start, entryBytes * count);
  const entries = Array.from({ length: count }, (_, index) => table.subarray(index * entryBytes));
  const ends = entries
    .filter((entry) => entry.readUInt32LE(0) === LOADABLE)
    .map((entry) => Number(entry.readBigUInt64LE(8) + entry.readBigUInt64LE(32)));
  return Math.max(0, ...ends);
}

/** Fewer bytes where the file is shorter. */
function read(file: number, position: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  return buffer.subarray(0, readSync(file, buffer, 0, bytes, position));
}

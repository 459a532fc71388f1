import { type FileHandle, open } from 'node:fs/promises';

/** Node reads less than 2 GiB at once. */
const MOST_AT_ONCE = 2 ** 30;

/** As ES2024 has them; Node 20 has them, the types of ES2023 do not. */
type ResizableBuffer = ArrayBuffer & { resize(bytes: number): void };
const ResizableBuffer = ArrayBuffer as unknown as new (
  bytes: number,
  options: { maxByteLength: number },
) => ResizableBuffer;

/**
 * Lends the bytes of a file to `use`, which must not keep them: a model's file may be large, and a thread that rests
 * would keep it as garbage. The memory of a resizable buffer goes back to the system when the buffer shrinks.
 */
export async function useFileBytes<T>(path: string, use: (bytes: Buffer) => T | Promise<T>): Promise<T> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const memory = new ResizableBuffer(size, { maxByteLength: size });
    try {
      return await use(Buffer.from(memory, 0, await fill(file, Buffer.from(memory))));
    } finally {
      memory.resize(0);
    }
  } finally {
    await file.close();
  }
}

/** The number of bytes read: fewer than asked for where the file has shrunk. */
async function fill(file: FileHandle, target: Buffer): Promise<number> {
  let filled = 0;
  while (filled < target.length) {
    const length = Math.min(target.length - filled, MOST_AT_ONCE);
    const { bytesRead } = await file.read(target, filled, length, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

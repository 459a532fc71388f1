import { crc32 } from 'node:zlib';

/** A module without attributes, as pickle writes it: `__torch__.Program` with an empty state. */
const MODULE = Buffer.from('\x80\x02c__torch__\nProgram\n)\x81}X\x08\x00\x00\x00training\x89sb.', 'latin1');
const EMPTY_TUPLE = Buffer.from('\x80\x02).', 'latin1');

/**
 * A TorchScript file of a program without weights.
 *
 * @param forward the method, which begins with `def forward(self: __torch__.Program`
 */
export function torchScriptProgram(forward: string): Uint8Array {
  const head = ['class Program(Module):', '  __parameters__ = []', '  __buffers__ = []', '  training : bool'];
  const body = forward.split('\n').map((line) => `  ${line}`);
  return storedZip({
    'program/data.pkl': MODULE,
    'program/code/__torch__.py': Buffer.from(`${[...head, ...body].join('\n')}\n`),
    'program/constants.pkl': EMPTY_TUPLE,
    'program/version': Buffer.from('3\n'),
  });
}

/** A zip archive of files that are not compressed. */
function storedZip(files: Readonly<Record<string, Buffer>>): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const [name, data] of Object.entries(files)) {
    // Version 2.0, no flags, stored, 1 January 1980; then checksum, both sizes, length of the name, no extra field.
    const header = Buffer.alloc(26);
    header.writeUInt16LE(20, 0);
    header.writeUInt16LE(0x21, 8);
    header.writeUInt32LE(crc32(data), 10);
    header.writeUInt32LE(data.length, 14);
    header.writeUInt32LE(data.length, 18);
    header.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), header, Buffer.from(name), data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    centrals.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00', 'latin1'), header, tail, Buffer.from(name)]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(centrals);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(centrals.length, 8);
  end.writeUInt16LE(centrals.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}

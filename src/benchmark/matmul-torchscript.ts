import { crc32 } from 'node:zlib';

/** A module without attributes, as pickle writes it: `__torch__.Product` with an empty state. */
const MODULE = Buffer.from('\x80\x02c__torch__\nProduct\n)\x81}X\x08\x00\x00\x00training\x89sb.', 'latin1');
const EMPTY_TUPLE = Buffer.from('\x80\x02).', 'latin1');

const CODE = `class Product(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  def forward(self: __torch__.Product,
    a: Tensor,
    b: Tensor,
    integers: bool) -> Tensor:
    if integers:
      y = torch._int_mm(a, b)
    else:
      y = torch.matmul(a, b)
    return torch.slice(torch.slice(y, 0, 0, 1), 1, 0, 1)
`;

/** A TorchScript program that multiplies its inputs `a` and `b`, `integers` or not, and gives one element of the product. */
export function matmulTorchScript(): Uint8Array {
  return storedZip({
    'product/data.pkl': MODULE,
    'product/code/__torch__.py': Buffer.from(CODE),
    'product/constants.pkl': EMPTY_TUPLE,
    'product/version': Buffer.from('3\n'),
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

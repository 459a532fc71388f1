import { writeFile } from 'node:fs/promises';
import protobuf from 'protobufjs/light.js';

/** Numbers of `TensorProto.DataType`. */
export const ELEMENT = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;

export type Element = keyof typeof ELEMENT;

/** A number, a symbol, or null for a dimension without a name. */
export type Dims = readonly (number | string | null)[];

const field = (type: string, id: number) => ({ type, id });
const many = (type: string, id: number) => ({ rule: 'repeated' as const, type, id });

const root = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        irVersion: field('int64', 1),
        opsetImport: many('OperatorSet', 8),
        producerName: field('string', 2),
        producerVersion: field('string', 3),
        graph: field('Graph', 7),
        metadataProps: many('StringEntry', 14),
        functions: many('Function', 25),
      },
    },
    OperatorSet: { fields: { domain: field('string', 1), version: field('int64', 2) } },
    StringEntry: { fields: { key: field('string', 1), value: field('string', 2) } },
    Function: {
      fields: {
        name: field('string', 1),
        input: many('string', 4),
        output: many('string', 5),
        node: many('Node', 7),
        opsetImport: many('OperatorSet', 9),
        domain: field('string', 10),
      },
    },
    Graph: {
      fields: {
        node: many('Node', 1),
        name: field('string', 2),
        initializer: many('Tensor', 5),
        input: many('Value', 11),
        output: many('Value', 12),
        sparseInitializer: many('SparseTensor', 15),
      },
    },
    Node: {
      fields: {
        input: many('string', 1),
        output: many('string', 2),
        name: field('string', 3),
        opType: field('string', 4),
        attribute: many('Attribute', 5),
        domain: field('string', 7),
      },
    },
    Attribute: {
      fields: {
        name: field('string', 1),
        f: field('float', 2),
        i: field('int64', 3),
        s: field('bytes', 4),
        t: field('Tensor', 5),
        g: field('Graph', 6),
        ints: many('int64', 8),
        type: field('int32', 20),
      },
    },
    Tensor: {
      fields: {
        dims: many('int64', 1),
        dataType: field('int32', 2),
        name: field('string', 8),
        rawData: field('bytes', 9),
        externalData: many('StringEntry', 13),
        dataLocation: field('int32', 14),
      },
    },
    SparseTensor: {
      fields: { values: field('Tensor', 1), indices: field('Tensor', 2), dims: many('int64', 3) },
    },
    Value: { fields: { name: field('string', 1), type: field('Type', 2) } },
    Type: { fields: { tensorType: field('TensorType', 1), sequenceType: field('SequenceType', 4) } },
    TensorType: { fields: { elemType: field('int32', 1), shape: field('Shape', 2) } },
    SequenceType: { fields: { elemType: field('Type', 1) } },
    Shape: { fields: { dim: many('Dimension', 1) } },
    Dimension: { fields: { dimValue: field('int64', 1), dimParam: field('string', 2) } },
  },
});

/** A graph in the form of the ONNX format, ready to encode. */
export interface GraphSpec {
  name?: string;
  node: object[];
  input: object[];
  output: object[];
  initializer?: object[];
  sparseInitializer?: object[];
}

/** A typed input or output; `dims` null declares no shape. */
export function value(name: string, element: Element, dims: Dims | null): object {
  return { name, type: tensorType(element, dims) };
}

/** An input or output that is a sequence of tensors. */
export function sequence(name: string, element: Element): object {
  return { name, type: { sequenceType: { elemType: tensorType(element, null) } } };
}

function tensorType(element: Element, dims: Dims | null): object {
  const dim = dims?.map((size) => {
    if (size === null) return {};
    return typeof size === 'number' ? { dimValue: size } : { dimParam: size };
  });
  return { tensorType: { elemType: ELEMENT[element], ...(dim && { shape: { dim } }) } };
}

/** A node of the default domain unless `rest.domain` says otherwise. */
export function node(opType: string, input: string[], output: string[], rest: object = {}): object {
  return { opType, input, output, ...rest };
}

/** An initializer with its elements in the file. */
export function weight(name: string, element: Element, dims: number[], data: ArrayBufferView): object {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dims, dataType: ELEMENT[element], rawData };
}

/** An initializer with its elements in another file; `entries` are the pairs of `external_data`. */
export function externalWeight(name: string, dims: number[], entries: [key: string, value: string][]): object {
  const externalData = entries.map(([key, text]) => ({ key, value: text }));
  return { name, dims, dataType: ELEMENT.float32, externalData, dataLocation: 1 };
}

/** Attributes of the kinds that tests need. */
export const attribute = {
  float: (name: string, f: number) => ({ name, f, type: 1 }),
  int: (name: string, i: number) => ({ name, i, type: 2 }),
  ints: (name: string, ints: number[]) => ({ name, ints, type: 7 }),
  string: (name: string, text: string) => ({ name, s: Buffer.from(text), type: 3 }),
  tensor: (name: string, t: object) => ({ name, t, type: 4 }),
  graph: (name: string, g: GraphSpec) => ({ name, g: { name, ...g }, type: 5 }),
};

/** The bytes of a model of opset 17. */
export function encodeModel(graph: GraphSpec, rest: object = {}): Uint8Array {
  const opsetImport = [{ domain: '', version: 17 }];
  const model = { irVersion: 8, opsetImport, graph: { name: 'graph', ...graph }, ...rest };
  const type = root.lookupType('Model');
  return type.encode(type.fromObject(model)).finish();
}

/** Writes a model and returns its path. */
export async function writeModel(path: string, graph: GraphSpec, rest: object = {}): Promise<string> {
  await writeFile(path, encodeModel(graph, rest));
  return path;
}

/** y = x + 1 for float32 x of the given shape. */
export function addOne(dims: Dims | null = [4]): GraphSpec {
  return {
    node: [node('Add', ['x', 'one'], ['y'])],
    input: [value('x', 'float32', dims)],
    output: [value('y', 'float32', dims)],
    initializer: [weight('one', 'float32', [], Float32Array.of(1))],
  };
}

/** y = x, of any dtype. */
export function identity(element: Element, dims: Dims | null = ['n']): GraphSpec {
  return {
    node: [node('Identity', ['x'], ['y'])],
    input: [value('x', element, dims)],
    output: [value('y', element, dims)],
  };
}

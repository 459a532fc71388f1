import protobuf from 'protobufjs/light.js';

/**
 * The part of the ONNX format that describing and checking a model needs. Fields left out, weights above all, are
 * skipped while decoding, so a decoded model is small whatever the size of its file.
 */
const SCHEMA = {
  nested: {
    Model: {
      fields: {
        irVersion: { type: 'int64', id: 1 },
        opsetImport: { rule: 'repeated', type: 'OperatorSet', id: 8 },
        producerName: { type: 'string', id: 2 },
        producerVersion: { type: 'string', id: 3 },
        domain: { type: 'string', id: 4 },
        modelVersion: { type: 'int64', id: 5 },
        graph: { type: 'Graph', id: 7 },
        metadataProps: { rule: 'repeated', type: 'StringEntry', id: 14 },
        trainingInfo: { rule: 'repeated', type: 'TrainingInfo', id: 20 },
        functions: { rule: 'repeated', type: 'Function', id: 25 },
      },
    },
    OperatorSet: { fields: { domain: { type: 'string', id: 1 }, version: { type: 'int64', id: 2 } } },
    StringEntry: { fields: { key: { type: 'string', id: 1 }, value: { type: 'string', id: 2 } } },
    TrainingInfo: { fields: { initialization: { type: 'Graph', id: 1 }, algorithm: { type: 'Graph', id: 2 } } },
    Function: {
      fields: {
        node: { rule: 'repeated', type: 'Node', id: 7 },
        attributeProto: { rule: 'repeated', type: 'Attribute', id: 11 },
      },
    },
    Graph: {
      fields: {
        node: { rule: 'repeated', type: 'Node', id: 1 },
        name: { type: 'string', id: 2 },
        initializer: { rule: 'repeated', type: 'Tensor', id: 5 },
        input: { rule: 'repeated', type: 'Value', id: 11 },
        output: { rule: 'repeated', type: 'Value', id: 12 },
        sparseInitializer: { rule: 'repeated', type: 'SparseTensor', id: 15 },
      },
    },
    Node: {
      fields: {
        opType: { type: 'string', id: 4 },
        attribute: { rule: 'repeated', type: 'Attribute', id: 5 },
        domain: { type: 'string', id: 7 },
      },
    },
    Attribute: {
      fields: {
        t: { type: 'Tensor', id: 5 },
        g: { type: 'Graph', id: 6 },
        tensors: { rule: 'repeated', type: 'Tensor', id: 10 },
        graphs: { rule: 'repeated', type: 'Graph', id: 11 },
        sparseTensor: { type: 'SparseTensor', id: 22 },
        sparseTensors: { rule: 'repeated', type: 'SparseTensor', id: 23 },
      },
    },
    Tensor: {
      fields: {
        dims: { rule: 'repeated', type: 'int64', id: 1 },
        dataType: { type: 'int32', id: 2 },
        name: { type: 'string', id: 8 },
        externalData: { rule: 'repeated', type: 'StringEntry', id: 13 },
        dataLocation: { type: 'int32', id: 14 },
      },
    },
    SparseTensor: { fields: { values: { type: 'Tensor', id: 1 }, indices: { type: 'Tensor', id: 2 } } },
    Value: { fields: { name: { type: 'string', id: 1 }, type: { type: 'Type', id: 2 } } },
    Type: {
      fields: {
        tensorType: { type: 'TensorType', id: 1 },
        sequenceType: { type: 'ElementOf', id: 4 },
        mapType: { type: 'MapType', id: 5 },
        sparseTensorType: { type: 'TensorType', id: 8 },
        optionalType: { type: 'ElementOf', id: 9 },
      },
    },
    TensorType: { fields: { elemType: { type: 'int32', id: 1 }, shape: { type: 'Shape', id: 2 } } },
    ElementOf: { fields: { elemType: { type: 'Type', id: 1 } } },
    MapType: { fields: { keyType: { type: 'int32', id: 1 }, valueType: { type: 'Type', id: 2 } } },
    Shape: { fields: { dim: { rule: 'repeated', type: 'Dimension', id: 1 } } },
    Dimension: { fields: { dimValue: { type: 'int64', id: 1 }, dimParam: { type: 'string', id: 2 } } },
  },
} as const;

/** A 64-bit integer as protobufjs gives it. */
export type Int64 = number | { toNumber(): number };

export interface StringEntry {
  readonly key: string;
  readonly value: string;
}

export interface TensorProto {
  readonly dims: readonly Int64[];
  readonly dataType: number;
  readonly name: string;
  readonly externalData: readonly StringEntry[];
  /** 1 where the elements lie in another file. */
  readonly dataLocation: number;
}

export interface SparseTensorProto {
  readonly values: TensorProto | null;
  readonly indices: TensorProto | null;
}

export interface AttributeProto {
  readonly t: TensorProto | null;
  readonly g: GraphProto | null;
  readonly tensors: readonly TensorProto[];
  readonly graphs: readonly GraphProto[];
  readonly sparseTensor: SparseTensorProto | null;
  readonly sparseTensors: readonly SparseTensorProto[];
}

export interface NodeProto {
  readonly opType: string;
  readonly domain: string;
  readonly attribute: readonly AttributeProto[];
}

export interface TypeProto {
  readonly tensorType: { readonly elemType: number; readonly shape: object | null } | null;
  readonly sparseTensorType: { readonly elemType: number } | null;
  readonly sequenceType: { readonly elemType: TypeProto | null } | null;
  readonly optionalType: { readonly elemType: TypeProto | null } | null;
  readonly mapType: { readonly keyType: number; readonly valueType: TypeProto | null } | null;
}

export interface ValueProto {
  readonly name: string;
  readonly type: TypeProto | null;
}

export interface GraphProto {
  readonly name: string;
  readonly node: readonly NodeProto[];
  readonly initializer: readonly TensorProto[];
  readonly sparseInitializer: readonly SparseTensorProto[];
  readonly input: readonly ValueProto[];
  readonly output: readonly ValueProto[];
}

export interface ModelProto {
  readonly irVersion: Int64;
  readonly opsetImport: readonly { readonly domain: string; readonly version: Int64 }[];
  readonly producerName: string;
  readonly producerVersion: string;
  readonly domain: string;
  readonly modelVersion: Int64;
  readonly graph: GraphProto | null;
  readonly metadataProps: readonly StringEntry[];
  readonly trainingInfo: readonly {
    readonly initialization: GraphProto | null;
    readonly algorithm: GraphProto | null;
  }[];
  readonly functions: readonly {
    readonly node: readonly NodeProto[];
    readonly attributeProto: readonly AttributeProto[];
  }[];
}

const modelType = protobuf.Root.fromJSON(SCHEMA).lookupType('Model');

/** Decodes an ONNX file; throws on bytes that are not one. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return modelType.decode(bytes) as unknown as ModelProto;
}

/** The number of a 64-bit field. */
export function toNumber(value: Int64): number {
  return typeof value === 'number' ? value : value.toNumber();
}

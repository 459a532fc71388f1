/** [number, type], or [number, type, 'repeated' | 'packed']. */
type FieldRow = readonly [id: number, type: string, rule?: 'repeated' | 'packed'];

/**
 * Every message of the ONNX format (onnx.proto of ONNX 1.23, IR version 13), with its field numbers. Message names are
 * shortened: `Model` is `ModelProto`, `Value` is `ValueInfoProto`, `StringEntry` is `StringStringEntryProto`.
 */
const MESSAGES: Readonly<Record<string, Readonly<Record<string, FieldRow>>>> = {
  Model: {
    irVersion: [1, 'int64'],
    producerName: [2, 'string'],
    producerVersion: [3, 'string'],
    domain: [4, 'string'],
    modelVersion: [5, 'int64'],
    docString: [6, 'string'],
    graph: [7, 'Graph'],
    opsetImport: [8, 'OperatorSet', 'repeated'],
    metadataProps: [14, 'StringEntry', 'repeated'],
    trainingInfo: [20, 'TrainingInfo', 'repeated'],
    functions: [25, 'Function', 'repeated'],
    configuration: [26, 'DeviceConfiguration', 'repeated'],
  },
  Graph: {
    node: [1, 'Node', 'repeated'],
    name: [2, 'string'],
    initializer: [5, 'Tensor', 'repeated'],
    docString: [10, 'string'],
    input: [11, 'Value', 'repeated'],
    output: [12, 'Value', 'repeated'],
    valueInfo: [13, 'Value', 'repeated'],
    quantizationAnnotation: [14, 'TensorAnnotation', 'repeated'],
    sparseInitializer: [15, 'SparseTensor', 'repeated'],
    metadataProps: [16, 'StringEntry', 'repeated'],
  },
  Node: {
    input: [1, 'string', 'repeated'],
    output: [2, 'string', 'repeated'],
    name: [3, 'string'],
    opType: [4, 'string'],
    attribute: [5, 'Attribute', 'repeated'],
    docString: [6, 'string'],
    domain: [7, 'string'],
    overload: [8, 'string'],
    metadataProps: [9, 'StringEntry', 'repeated'],
    deviceConfigurations: [10, 'NodeDeviceConfiguration', 'repeated'],
  },
  Attribute: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    t: [5, 'Tensor'],
    g: [6, 'Graph'],
    floats: [7, 'float', 'repeated'],
    ints: [8, 'int64', 'repeated'],
    strings: [9, 'bytes', 'repeated'],
    tensors: [10, 'Tensor', 'repeated'],
    graphs: [11, 'Graph', 'repeated'],
    docString: [13, 'string'],
    tp: [14, 'Type'],
    typeProtos: [15, 'Type', 'repeated'],
    type: [20, 'int32'],
    refAttrName: [21, 'string'],
    sparseTensor: [22, 'SparseTensor'],
    sparseTensors: [23, 'SparseTensor', 'repeated'],
  },
  Tensor: {
    dims: [1, 'int64', 'repeated'],
    dataType: [2, 'int32'],
    segment: [3, 'Segment'],
    floatData: [4, 'float', 'packed'],
    int32Data: [5, 'int32', 'packed'],
    stringData: [6, 'bytes', 'repeated'],
    int64Data: [7, 'int64', 'packed'],
    name: [8, 'string'],
    rawData: [9, 'bytes'],
    doubleData: [10, 'double', 'packed'],
    uint64Data: [11, 'uint64', 'packed'],
    docString: [12, 'string'],
    externalData: [13, 'StringEntry', 'repeated'],
    dataLocation: [14, 'int32'],
    metadataProps: [16, 'StringEntry', 'repeated'],
  },
  Segment: { begin: [1, 'int64'], end: [2, 'int64'] },
  SparseTensor: { values: [1, 'Tensor'], indices: [2, 'Tensor'], dims: [3, 'int64', 'repeated'] },
  Value: {
    name: [1, 'string'],
    type: [2, 'Type'],
    docString: [3, 'string'],
    metadataProps: [4, 'StringEntry', 'repeated'],
  },
  Type: {
    tensorType: [1, 'TensorType'],
    sequenceType: [4, 'ElementOf'],
    mapType: [5, 'MapType'],
    denotation: [6, 'string'],
    opaqueType: [7, 'OpaqueType'],
    sparseTensorType: [8, 'TensorType'],
    optionalType: [9, 'ElementOf'],
  },
  TensorType: { elemType: [1, 'int32'], shape: [2, 'Shape'] },
  ElementOf: { elemType: [1, 'Type'] },
  MapType: { keyType: [1, 'int32'], valueType: [2, 'Type'] },
  OpaqueType: { domain: [1, 'string'], name: [2, 'string'] },
  Shape: { dim: [1, 'Dimension', 'repeated'] },
  Dimension: { dimValue: [1, 'int64'], dimParam: [2, 'string'], denotation: [3, 'string'] },
  OperatorSet: { domain: [1, 'string'], version: [2, 'int64'] },
  StringEntry: { key: [1, 'string'], value: [2, 'string'] },
  TensorAnnotation: { tensorName: [1, 'string'], quantParameterTensorNames: [2, 'StringEntry', 'repeated'] },
  TrainingInfo: {
    initialization: [1, 'Graph'],
    algorithm: [2, 'Graph'],
    initializationBinding: [3, 'StringEntry', 'repeated'],
    updateBinding: [4, 'StringEntry', 'repeated'],
  },
  Function: {
    name: [1, 'string'],
    input: [4, 'string', 'repeated'],
    output: [5, 'string', 'repeated'],
    attribute: [6, 'string', 'repeated'],
    node: [7, 'Node', 'repeated'],
    docString: [8, 'string'],
    opsetImport: [9, 'OperatorSet', 'repeated'],
    domain: [10, 'string'],
    attributeProto: [11, 'Attribute', 'repeated'],
    valueInfo: [12, 'Value', 'repeated'],
    overload: [13, 'string'],
    metadataProps: [14, 'StringEntry', 'repeated'],
  },
  DeviceConfiguration: { name: [1, 'string'], numDevices: [2, 'int32'], device: [3, 'string', 'repeated'] },
  NodeDeviceConfiguration: {
    configurationId: [1, 'string'],
    shardingSpec: [2, 'ShardingSpec', 'repeated'],
    pipelineStage: [3, 'int32'],
  },
  ShardingSpec: {
    tensorName: [1, 'string'],
    device: [2, 'int64', 'repeated'],
    indexToDeviceGroupMap: [3, 'IntIntListEntry', 'repeated'],
    shardedDim: [4, 'ShardedDim', 'repeated'],
  },
  IntIntListEntry: { key: [1, 'int64'], value: [2, 'int64', 'repeated'] },
  ShardedDim: { axis: [1, 'int64'], simpleSharding: [2, 'SimpleShardedDim', 'repeated'] },
  SimpleShardedDim: { dimValue: [1, 'int64'], dimParam: [2, 'string'], numShards: [3, 'int64'] },
};

/** The messages in the form that protobufjs reads. ONNX is proto2: a field that is set to zero is kept apart from one that is not set. */
export function onnxSchema(): object {
  const nested: Record<string, object> = {};
  for (const [name, rows] of Object.entries(MESSAGES)) {
    const fields: Record<string, object> = {};
    for (const [field, [id, type, rule]] of Object.entries(rows)) {
      fields[field] = {
        id,
        type,
        ...(rule !== undefined && { rule: 'repeated' }),
        ...(rule === 'packed' && { options: { packed: true } }),
      };
    }
    nested[name] = { edition: 'proto2', fields };
  }
  return { nested };
}

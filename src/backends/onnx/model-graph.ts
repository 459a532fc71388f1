import type {
  AttributeProto,
  GraphProto,
  ModelProto,
  NodeProto,
  SparseTensorProto,
  TensorProto,
} from './onnx-schema.js';

/** What {@link walkModel} calls for each part it meets. */
export interface ModelVisitor {
  node?(node: NodeProto): void;
  /** A weight: an initializer, the values of a sparse one, or a Constant node, which the runtime turns into one. */
  initializer?(tensor: TensorProto): void;
  /** Every tensor there is, weights included: also constants of nodes and indices of sparse tensors. */
  tensor?(tensor: TensorProto): void;
}

/** Visits every graph, subgraph, function and training graph of a model. */
export function walkModel(model: ModelProto, visitor: ModelVisitor): void {
  walkGraph(model.graph, visitor);
  // Training graphs and functions are no part of the run graph's weights and nodes, but their tensors can name files too.
  const tensors: ModelVisitor = visitor.tensor ? { tensor: visitor.tensor } : {};
  for (const { initialization, algorithm } of model.trainingInfo) {
    walkGraph(initialization, tensors);
    walkGraph(algorithm, tensors);
  }
  for (const { node, attributeProto } of model.functions) {
    for (const each of node) walkAttributes(each.attribute, tensors);
    walkAttributes(attributeProto, tensors);
  }
}

function walkGraph(graph: GraphProto | null, visitor: ModelVisitor): void {
  if (graph === null) return;
  for (const tensor of graph.initializer) {
    visitor.initializer?.(tensor);
    visitor.tensor?.(tensor);
  }
  for (const sparse of graph.sparseInitializer) {
    if (sparse.values !== null) visitor.initializer?.(sparse.values);
    walkSparse(sparse, visitor);
  }
  for (const node of graph.node) {
    visitor.node?.(node);
    if (node.opType === 'Constant') for (const { t } of node.attribute) if (t !== null) visitor.initializer?.(t);
    walkAttributes(node.attribute, visitor);
  }
}

function walkAttributes(attributes: readonly AttributeProto[], visitor: ModelVisitor): void {
  for (const { t, g, tensors, graphs, sparseTensor, sparseTensors } of attributes) {
    if (t !== null) visitor.tensor?.(t);
    for (const tensor of tensors) visitor.tensor?.(tensor);
    walkSparse(sparseTensor, visitor);
    for (const sparse of sparseTensors) walkSparse(sparse, visitor);
    walkGraph(g, visitor);
    for (const graph of graphs) walkGraph(graph, visitor);
  }
}

function walkSparse(sparse: SparseTensorProto | null, visitor: ModelVisitor): void {
  if (sparse === null) return;
  if (sparse.values !== null) visitor.tensor?.(sparse.values);
  if (sparse.indices !== null) visitor.tensor?.(sparse.indices);
}

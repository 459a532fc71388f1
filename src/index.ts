export type {
  Attempt,
  BackendName,
  BackendStatus,
  Dim,
  GraphState,
  Inputs,
  InputValue,
  ModelFormat,
  ModelInfo,
  Outputs,
  Signature,
  ValueInfo,
} from './backends/backend.js';
export { listBackends } from './backends/registry.js';
export type { BatchingConfig } from './config/batching.js';
export type { ImageProcessing } from './config/image-processing.js';
export type { ModelConfig, Precision, VersionSelection } from './config/model-config.js';
export type { BatchPolicy } from './engine/batching/policy.js';
export type { RunOptions } from './engine/call-options.js';
export {
  type ControlMode,
  Engine,
  type EngineEvents,
  type EngineOptions,
  type EngineRequest,
  type ModelEntry,
  type ModelState,
  type ServedModel,
} from './engine/engine.js';
export type { InferOptions, InferRequest, InferResult, InferTiming } from './engine/inference.js';
export { load } from './engine/load.js';
export type { LoadOptions } from './engine/load-options.js';
export type { BackendChoice, InferManyOptions, Model } from './engine/model.js';
export type {
  DispatchReason,
  ExecutionRecord,
  FailureReason,
  ModelObserver,
  RequestRecord,
} from './engine/observer.js';
export type { BatchStatistics, Duration, ModelStatistics } from './engine/statistics.js';
export { ERRORS, type ErrorCode, type ErrorDetails, InfernodeError } from './errors.js';
export { optimize } from './optimize/optimize.js';
export type { OptimizeOptions } from './optimize/optimize-options.js';
export type { CandidateResult, OptimizeProgress, OptimizeReport } from './optimize/optimize-report.js';
export { imageToTensor } from './processing/image.js';
export { type Classification, topK } from './processing/labels.js';
export type { DataOf, DType, TensorData } from './tensor/dtype.js';
export { readNpy, writeNpy } from './tensor/npy.js';
export { stackTensors } from './tensor/stack.js';
export { type NestedArray, Tensor } from './tensor/tensor.js';

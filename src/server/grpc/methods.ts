import type { ServerDuplexStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import type { Engine } from '../../engine/engine.js';
import type { InfernodeError } from '../../errors.js';
import type { LogLevel } from '../options.js';
import { modelMetadata, SERVER_METADATA } from '../protocol/metadata.js';
import { modelStatistics, statisticsOf } from '../protocol/model-statistics.js';
import { tritonConfig } from '../protocol/triton-config.js';
import { noSharedMemory } from '../wire/shared-memory.js';
import { infer } from './infer.js';
import { decodeInferRequest } from './infer-request.js';
import { encodeInferResponse } from './infer-response.js';
import { versionOf } from './model-version.js';
import { type IndexRequest, indexModels, type LoadRequest, loadModel, unloadModel } from './repository.js';
import { logSettingsAt, traceSettings } from './settings.js';
import { type StreamContext, streamInfer } from './stream-infer.js';
import { type Answer, control, unary } from './unary.js';

interface Named {
  readonly name: string;
  readonly version: string;
}

/** What the methods work with. */
export interface ServiceContext extends StreamContext {
  readonly engine: Engine;
  readonly logLevel: LogLevel;
  /** Aborted when the server is about to stop, or stops: it is not ready any more. */
  readonly draining: AbortSignal;
}

/** The methods of GRPCInferenceService. */
export function inferenceMethods(context: ServiceContext, service: ServiceDefinition): UntypedServiceImplementation {
  const { engine, draining, report, logLevel } = context;
  const served = ({ name, version }: Named) => engine.model(name, versionOf(version));
  const controls: Record<string, Answer<never>> = {
    ServerLive: () => ({ live: engine.failure === null }),
    ServerReady: () => ({ ready: engine.ready && !draining.aborted }),
    ModelReady: (request: Named) => ({ ready: !draining.aborted && isReady(() => served(request)) }),
    ServerMetadata: () => SERVER_METADATA,
    ModelMetadata: (request: Named) => modelMetadata(served(request)),
    ModelConfig: (request: Named) => ({ config: tritonConfig(served(request)) }),
    // Without a name, of everything that serves.
    ModelStatistics: ({ name, version }: Named) => ({
      model_stats: name === '' ? engine.served().map(modelStatistics) : statisticsOf(engine, name, versionOf(version)),
    }),
    RepositoryIndex: (request: IndexRequest) => indexModels(engine, request),
    RepositoryModelLoad: (request: LoadRequest) => loadModel(engine, request),
    RepositoryModelUnload: (request: LoadRequest) => unloadModel(engine, request),
    SystemSharedMemoryStatus: () => ({ regions: {} }),
    SystemSharedMemoryRegister: refuseSharedMemory,
    SystemSharedMemoryUnregister: () => ({}),
    CudaSharedMemoryStatus: () => ({ regions: {} }),
    CudaSharedMemoryRegister: refuseSharedMemory,
    CudaSharedMemoryUnregister: () => ({}),
    TraceSetting: traceSettings,
    LogSettings: (request: object) => logSettingsAt(logLevel, request),
  };
  const handlers = Object.entries(controls).map(([name, answer]) => [
    name,
    control(service[name]!.requestDeserialize, answer, report),
  ]);
  return {
    ...Object.fromEntries(handlers),
    ModelInfer: unary(
      decodeInferRequest,
      async (message, patience) => encodeInferResponse(await infer(engine, message, patience)),
      report,
    ),
    ModelStreamInfer: (call: ServerDuplexStream<Buffer, Buffer>) => streamInfer(engine, call, context),
  };
}

/** A model that there is not is not ready either; only a version that cannot be one is an error. */
function isReady(find: () => unknown): boolean {
  try {
    find();
    return true;
  } catch (error) {
    const { code } = error as InfernodeError;
    if (code === 'INF_MODEL_NOT_FOUND' || code === 'INF_MODEL_NOT_READY') return false;
    throw error;
  }
}

function refuseSharedMemory(): never {
  throw noSharedMemory();
}

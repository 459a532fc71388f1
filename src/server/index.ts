export { Engine, type EngineOptions, type EngineRequest, type ModelEntry, type ModelState } from '../engine/engine.js';
export type { GrpcServerOptions } from './grpc/options.js';
export { createGrpcServer, type GrpcServer } from './grpc/server.js';
export { MetricsObserver } from './metrics/metrics-observer.js';
export type { InferencePluginOptions, LogLevel, ServerOptions } from './options.js';
export { inferencePlugin } from './plugin.js';
export { createServer, type InferenceServer } from './server.js';
export type { TlsOptions } from './tls.js';

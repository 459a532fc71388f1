import { join } from 'node:path';
import type { MethodDefinition, ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { protoPath as healthProto } from 'grpc-health-check';
import { packageRoot } from '../../config/package-root.js';

/** The service of the protocol, as its proto file names it. */
export const INFERENCE_SERVICE = 'inference.GRPCInferenceService';

/** The services that are served, read from their proto files. */
export function loadServices(): PackageDefinition {
  const options = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };
  const folder = join(packageRoot, 'proto');
  const inference = loadSync('inference.proto', { ...options, includeDirs: [folder] });
  return { ...inference, ...loadSync(healthProto, options) };
}

/** Turns the bytes of a request into its message. */
export type Decode = MethodDefinition<unknown, unknown>['requestDeserialize'];

/**
 * The service with requests left as bytes, for grpc-js answers INTERNAL to those that it cannot decode; and the responses of
 * inference too, which are encoded by hand.
 */
export function withRawRequests(service: ServiceDefinition): ServiceDefinition {
  return Object.fromEntries(
    Object.entries(service).map(([name, method]) => [
      name,
      {
        ...method,
        requestDeserialize: (bytes: Buffer) => bytes,
        ...(name.endsWith('Infer') && { responseSerialize: (bytes: Buffer) => bytes }),
      },
    ]),
  );
}

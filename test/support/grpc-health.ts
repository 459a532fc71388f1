import { ChannelCredentials, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath } from 'grpc-health-check';

const { grpc } = loadPackageDefinition(loadSync(protoPath, { enums: String, defaults: true })) as unknown as {
  grpc: { health: { v1: { Health: ServiceClientConstructor } } };
};

/** What grpc.health.v1 says of a service; '' stands for the server. */
export function healthOf(port: number, service: string): Promise<string> {
  const client = new grpc.health.v1.Health(`localhost:${port}`, ChannelCredentials.createInsecure());
  return new Promise<string>((resolve, reject) => {
    client.check!({ service }, (error: Error | null, answer: { status: string }) =>
      error === null ? resolve(answer.status) : reject(error),
    );
  }).finally(() => client.close());
}

/** node infernode.js BACKEND: this SDK, as its users load a model. BACKEND is torch, onnx or auto. */
import { InfernodeError, listBackends, load } from 'infernode';
import type { BackendName } from '#src/backends/backend';
import { precisionOf } from '#src/benchmark/infernode-subject';
import { libraryVersions } from '#src/config/environment';
import { answerAsPeer } from './answer-as-peer.js';
import { Absent } from './protocol.js';

const backend = process.argv[2] as BackendName | 'auto';

await answerAsPeer(async (path, threads) => {
  const model = await load(path, { backend, threads }).catch((error) => {
    throw error instanceof InfernodeError && error.code === 'INF_BACKEND_UNAVAILABLE'
      ? new Absent(error.message)
      : error;
  });
  const computesIn = precisionOf(model.info, model.config, undefined);
  const { node: _, ...versions } = libraryVersions(await listBackends());
  return {
    versions,
    settings: `${model.info.backend}, ${computesIn ?? 'mixed'}, ${model.info.threads} thread(s)`,
    computesIn,
    // While one call computes, the next one is on its way.
    inFlight: 2,
    // By position: files of the same network name them differently.
    prepare(inputs) {
      const values = Object.values(inputs);
      return () => model.run(values);
    },
    async answer(inputs) {
      const first = Object.values(await model.run(Object.values(inputs)))[0]!;
      return { shape: first.shape, data: first.toNumbers() };
    },
  };
});

import type { FastifyInstance } from 'fastify';
import { jsonBody } from '../http/json-body.js';
import { modelName } from '../http/model-path.js';
import { logSettings, refuseChanges, TRACE_SETTINGS } from '../protocol/settings.js';

/** The settings of traces and of the log, which clients may read. */
export function addSettingsRoutes(scope: FastifyInstance): void {
  const schema = (summary: string) => ({ schema: { summary, tags: ['settings'] } });
  const read = schema('Settings of traces: none are made');
  const change = schema('As GET; changes are refused');
  for (const path of ['/v2/trace/setting', '/v2/models/:model/trace/setting']) {
    const checkModel = ({ model }: { model?: string }) => model !== undefined && modelName(model);
    scope.get(path, read, async ({ params }) => {
      checkModel(params as { model?: string });
      return TRACE_SETTINGS;
    });
    scope.post(path, change, async (request) => {
      checkModel(request.params as { model?: string });
      refuseChanges(jsonBody(request), 'traces');
      return TRACE_SETTINGS;
    });
  }
  // A host application may set it while it runs.
  const settings = () => logSettings(scope.log.level);
  scope.get('/v2/logging', schema('What is logged'), async () => settings());
  scope.post('/v2/logging', change, async (request) => {
    refuseChanges(jsonBody(request), 'the log');
    return settings();
  });
}

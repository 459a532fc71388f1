import { inspect } from 'node:util';

/**
 * A reporter for Node's test runner: one JSON line for each test that ended, `{ "warning" }` for what went wrong outside
 * of a test (such as an error after its end), and `{ "end": true }` once the file ran to its end, so that a process that stops half-way cannot pass for one that finished.
 *
 * @param {AsyncIterable<{ type: string, data: any }>} events
 */
export default async function* report(events) {
  /** @type {string[]} names of the tests that are open, outermost first */
  const path = [];
  for await (const { type, data } of events) {
    if (type === 'test:start') {
      path.length = data.nesting;
      path.push(data.name);
    } else if (type === 'test:pass' || type === 'test:fail') {
      const result = resultOf(type === 'test:pass', data);
      if (result)
        yield `${JSON.stringify({ name: [...path.slice(0, data.nesting), data.name].join(' > '), ...result })}\n`;
    } else if (type === 'test:diagnostic' && /^(Warning|Error)/.test(data.message)) {
      yield `${JSON.stringify({ warning: data.message })}\n`;
    }
  }
  yield `${JSON.stringify({ end: true })}\n`;
}

/**
 * @param {boolean} ok
 * @param {any} data
 * @returns {Omit<import('./tally.mjs').Result, 'name'> | null} null for a group that says nothing beyond its tests
 */
function resultOf(ok, { skip, todo, details }) {
  for (const mark of [skip, todo]) {
    if (mark !== undefined) return { outcome: 'skipped', reason: typeof mark === 'string' ? mark : undefined };
  }
  const group = details.type === 'suite' || details.error?.failureType === 'subtestsFailed';
  if (ok) return group ? null : { outcome: 'passed' };
  if (group && details.error.failureType === 'subtestsFailed') return null;
  return { outcome: 'failed', error: inspect(details.error.cause ?? details.error) };
}

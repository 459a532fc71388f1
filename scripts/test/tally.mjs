/**
 * One test or check that ended.
 *
 * @typedef {object} Result
 * @property {string} name
 * @property {'passed' | 'failed' | 'skipped'} outcome
 * @property {string} [reason] why it was skipped
 * @property {string} [error] what a failed one reported, in full
 */

/** Counts results over all stages. */
export class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;
  /** @type {Map<string, number>} how often, by reason */
  reasons = new Map();
  /** @type {string[]} */
  failures = [];

  /**
   * @param {Result} result
   * @param {string} [where] the file or stage
   */
  add({ name, outcome, reason = 'no reason given' }, where) {
    this[outcome]++;
    if (outcome === 'failed') this.failures.push(where ? `${where}: ${name}` : name);
    if (outcome === 'skipped') this.reasons.set(reason, (this.reasons.get(reason) ?? 0) + 1);
  }

  /** @returns {string} `N passed, N failed`, and `, N skipped` where there are any */
  toString() {
    return `${this.passed} passed, ${this.failed} failed${this.skipped > 0 ? `, ${this.skipped} skipped` : ''}`;
  }
}

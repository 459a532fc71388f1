/** Of longer calls, the code around the model is no part worth mentioning. */
const QUICK_MS = 1;
const TRIES = 3;
const WARM_UP_MS = 500;

/**
 * Calls a quick model until the code around it has been compiled, which takes thousands of calls, and until its backend has found
 * out that it is quick. A slower one is called three times.
 */
export async function warmUp(call: () => Promise<unknown>): Promise<void> {
  const begin = performance.now();
  let shortest = Number.POSITIVE_INFINITY;
  for (let count = 0; count < TRIES || (shortest < QUICK_MS && performance.now() - begin < WARM_UP_MS); count++) {
    const start = performance.now();
    await call();
    shortest = Math.min(shortest, performance.now() - start);
  }
}

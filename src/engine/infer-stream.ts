/**
 * Runs a stream of requests, and gives what became of each in the same order. It reads ahead until `concurrency` requests
 * are under way or finished and not yet taken, so a slow reader holds a fast writer back.
 */
export async function* inferStream<Request, Result>(
  requests: Iterable<Request> | AsyncIterable<Request>,
  infer: (request: Request) => Promise<Result>,
  concurrency: number,
): AsyncGenerator<PromiseSettledResult<Result>, void, undefined> {
  const iterator = Symbol.asyncIterator in requests ? requests[Symbol.asyncIterator]() : requests[Symbol.iterator]();
  const underway: Promise<PromiseSettledResult<Result>>[] = [];
  let ended = false;
  let reading: Promise<void> | undefined;
  const read = async (): Promise<void> => {
    const { done, value } = await iterator.next();
    reading = undefined;
    if (done) ended = true;
    else underway.push(settled(infer(value)));
  };
  try {
    for (;;) {
      if (!ended && underway.length < concurrency) reading ??= read();
      const [first] = underway;
      if (first === undefined) {
        if (ended) return;
        await reading;
      } else if (reading === undefined) {
        yield await first;
        underway.shift();
      } else {
        const answered = await Promise.race([first, reading]);
        if (answered !== undefined) {
          underway.shift();
          yield answered;
        }
      }
    }
  } finally {
    // A reader that stops early is told to the writer; so is an error of the writer itself, which goes on to the reader.
    await iterator.return?.();
  }
}

async function settled<Result>(result: Promise<Result>): Promise<PromiseSettledResult<Result>> {
  const [outcome] = await Promise.allSettled([result]);
  return outcome;
}

/** Lets answers out in the order of the requests, those of each priority among themselves. */
export class AnswerOrder {
  readonly #last = new Map<number, Promise<unknown>>();

  /** The answer, but not before those to earlier requests. */
  async inOrder<Answer>(priority: number, answer: Promise<Answer>): Promise<Answer> {
    const settled = Promise.allSettled([this.#last.get(priority), answer]);
    this.#last.set(priority, settled);
    await settled;
    if (this.#last.get(priority) === settled) this.#last.delete(priority);
    return answer;
  }
}

/**
 * What is under way, by numbers from 1; those of what has ended are given again.
 *
 * Not a Map, nor is any set or map here that things come to and leave all the time: when V8 makes the table of one anew, after
 * four of them already where it is small, the old table keeps hold of the new one. Once a table has reached the old generation, all
 * that follow it live until the whole heap is collected, with whatever was in them.
 */
export class Tickets<Value> {
  readonly #values: (Value | undefined)[] = [undefined];
  readonly #free: number[] = [];

  get size(): number {
    return this.#values.length - 1 - this.#free.length;
  }

  give(value: Value): number {
    const ticket = this.#free.pop() ?? this.#values.length;
    this.#values[ticket] = value;
    return ticket;
  }

  /** Takes a ticket back. @returns what it was given for, undefined if it is not under way */
  take(ticket: number): Value | undefined {
    const value = this.#values[ticket];
    if (value === undefined) return undefined;
    this.#values[ticket] = undefined;
    this.#free.push(ticket);
    return value;
  }

  /** Takes all tickets back. */
  takeAll(): Value[] {
    const values = this.#values.filter((value) => value !== undefined) as Value[];
    this.#values.length = 1;
    this.#free.length = 0;
    return values;
  }
}

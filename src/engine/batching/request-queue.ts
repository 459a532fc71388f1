import { removeFrom } from '../../remove-from.js';
import { LEAST_URGENT } from '../inference.js';

/** A request in the queue. */
export interface QueuedRequest {
  /** 1 for a request that runs by itself. */
  readonly rows: number;
  /** Equal for requests that may be joined; null for a request that runs by itself. */
  readonly key: string | null;
  readonly priority: number;
  /** When it came, by `performance.now()`. */
  readonly arrivedAt: number;
  /** Counts the requests of this queue. */
  readonly order: number;
}

/** Groups that are kept without requests: a map that groups come to and leave all the time would cost what Tickets tells of. */
const KEPT_GROUPS = 16;

/** Requests that may be joined: a list for each priority, in order of arrival. */
export class RequestGroup<Request extends QueuedRequest> {
  readonly #levels: (Request[] | undefined)[] = new Array(LEAST_URGENT + 1);
  size = 0;

  constructor(readonly key: string | null) {}

  add(request: Request): void {
    this.#levels[request.priority] ??= [];
    this.#levels[request.priority]!.push(request);
    this.size++;
  }

  delete(request: Request): boolean {
    const level = this.#levels[request.priority];
    if (level === undefined || !removeFrom(level, request)) return false;
    this.size--;
    return true;
  }

  /** In the order in which they are served. */
  *[Symbol.iterator](): Generator<Request> {
    for (const level of this.#levels) if (level !== undefined) yield* level;
  }

  get first(): Request {
    return this[Symbol.iterator]().next().value!;
  }
}

/** The requests that wait for a model. */
export class RequestQueue<Request extends QueuedRequest> {
  readonly #groups = new Map<string | null, RequestGroup<Request>>();
  size = 0;
  rows = 0;

  add(request: Request): void {
    let group = this.#groups.get(request.key);
    if (group === undefined) {
      group = new RequestGroup(request.key);
      this.#groups.set(request.key, group);
    }
    group.add(request);
    this.size++;
    this.rows += request.rows;
  }

  /** Takes a request out. False if it is not here (any more). */
  delete(request: Request): boolean {
    const group = this.#groups.get(request.key);
    if (!group?.delete(request)) return false;
    if (group.size === 0 && this.#groups.size > KEPT_GROUPS) this.#groups.delete(request.key);
    this.size--;
    this.rows -= request.rows;
    return true;
  }

  /** The groups, that of the most urgent and oldest request first. */
  groups(): RequestGroup<Request>[] {
    const groups = [...this.#groups.values()].filter(({ size }) => size > 0);
    return groups.length < 2 ? groups : groups.sort((a, b) => compare(a.first, b.first));
  }

  /** Takes the first requests of a group out. */
  take(group: RequestGroup<Request>, count: number): Request[] {
    const taken: Request[] = [];
    for (const request of group) {
      if (taken.length === count) break;
      taken.push(request);
    }
    for (const request of taken) this.delete(request);
    return taken;
  }
}

function compare(a: QueuedRequest, b: QueuedRequest): number {
  return a.priority - b.priority || a.order - b.order;
}

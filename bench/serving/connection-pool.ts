import { type RawAnswer, RawClient } from './raw-client.js';

/** More wait for a connection to come free; their time counts all the same. */
const MOST_CONNECTIONS = 128;

/** Connections to one server, which all send the same request. */
export class ConnectionPool {
  readonly #port: number;
  readonly #request: Buffer;
  #opened = 0;
  #idle: RawClient[] = [];
  readonly #waiting: ((client: RawClient) => void)[] = [];

  constructor(port: number, request: Buffer) {
    this.#port = port;
    this.#request = request;
  }

  async send(): Promise<RawAnswer> {
    const client = await this.#acquire();
    const wasUsed = client.answers > 0;
    let answer: RawAnswer;
    try {
      answer = await client.send(this.#request);
    } catch (error) {
      // A server may close an idle connection at the moment when it is used again, as any client must bear.
      if (!wasUsed || client.isOpen) throw error;
      this.#opened--;
      return this.send();
    }
    if (answer.status !== 200) throw new Error(`HTTP ${answer.status}: ${answer.body.toString().slice(0, 200)}`);
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(client);
    else next(client);
    return answer;
  }

  /** Closes the connections; to be called when none is in use. */
  close(): void {
    for (const client of this.#idle) client.close();
    this.#idle = [];
    this.#opened = 0;
  }

  async #acquire(): Promise<RawClient> {
    for (let client = this.#idle.pop(); client !== undefined; client = this.#idle.pop()) {
      if (client.isOpen) return client;
      this.#opened--;
    }
    if (this.#opened >= MOST_CONNECTIONS) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#opened++;
    return RawClient.open(this.#port);
  }
}

import type { RedisClient } from './port.ts'

/** A client, and how often its connection has been lost. */
export class Connection<Client extends RedisClient> {
  readonly client: Client
  /** For clients that are lent: a command goes out when it is given, or its reply could not be told from earlier ones. */
  readonly lentOptions: object
  readonly #onReady: () => void
  readonly #onClose: () => void
  readonly #waiting: (() => void)[] = []
  readonly #transactions = new Set<object>()
  #epoch = 0

  /** @param on what to do when the server can be asked, and when it cannot any more. */
  constructor(client: Client, on: { readonly ready: () => void; readonly lost: () => void }) {
    this.client = client
    this.lentOptions = Object.create(client.options, { enableAutoPipelining: { value: false } }) as object
    this.#onReady = () => {
      for (const resolve of this.#waiting.splice(0)) resolve()
      on.ready()
    }
    this.#onClose = () => {
      this.#epoch++
      on.lost()
    }
    client.on('ready', this.#onReady)
    client.on('close', this.#onClose)
  }

  /**
   * Another number, another connection: the driver connects again by itself, maybe to a server that was
   * restarted with older data, and even sends again what was not answered.
   */
  get epoch(): number {
    return this.#epoch
  }

  /** Do commands go out at once? */
  get isReady(): boolean {
    return this.client.status === 'ready'
  }

  /** Is somebody between MULTI and EXEC? What is asked meanwhile would become a part of the transaction. */
  get isInTransaction(): boolean {
    return this.#transactions.size > 0
  }

  setTransaction(owner: object, open: boolean): void {
    if (open) this.#transactions.add(owner)
    else this.#transactions.delete(owner)
  }

  /** Resolves when commands go out at once; a client that was not told to connect yet is, by its first command. */
  whenReady(): Promise<void> {
    if (this.isReady || this.client.status === 'wait') return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Lets go of the client, which stays open. */
  release(): void {
    this.client.removeListener('ready', this.#onReady)
    this.client.removeListener('close', this.#onClose)
  }
}

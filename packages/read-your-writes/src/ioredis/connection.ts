import type { RedisClient } from './port.ts'

/** A client, and how often its connection has been lost. */
export class Connection<Client extends RedisClient> {
  readonly client: Client
  /** For clients that are lent: a command goes out when it is given, or its reply could not be told from earlier ones. */
  readonly lentOptions: object
  readonly #onReady: () => void
  readonly #onClose: () => void
  #epoch = 0

  /** @param on what to do when the server can be asked, and when it cannot any more. */
  constructor(client: Client, on: { readonly ready: () => void; readonly lost: () => void }) {
    this.client = client
    this.lentOptions = Object.create(client.options, { enableAutoPipelining: { value: false } }) as object
    this.#onReady = on.ready
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

  /** Lets go of the client, which stays open. */
  release(): void {
    this.client.removeListener('ready', this.#onReady)
    this.client.removeListener('close', this.#onClose)
  }
}

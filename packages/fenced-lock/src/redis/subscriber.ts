import type { RedisLike, RedisSubscriberLike } from './client.ts'

/** A lock handed over by the script that freed it. */
export interface HandOver {
  readonly token: number
  /** The server's time of the grant, µs. */
  readonly serverUs: number
}

/** Gets `undefined` when messages may have been lost, and it is time to ask. */
export type Wake = (handOver: HandOver | undefined) => void

/**
 * One connection and one channel for all who wait in this process, opened when the first one waits.
 * closed → opening → open; a lost connection is restored by the driver, and everybody asks once then.
 */
export class Subscriber {
  readonly #redis: RedisLike
  readonly #channel: string
  readonly #waiting = new Map<string, Wake>()
  #connection: RedisSubscriberLike | undefined
  #opening: Promise<boolean> | undefined
  #isOpen = false
  #follows = false

  constructor(redis: RedisLike, channel: string) {
    this.#redis = redis
    this.#channel = channel
  }

  get channel(): string {
    return this.#channel
  }

  /** Has a channel been subscribed? Its connection may be down at the moment. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** @returns `false` if there is no connection to be had: then those who wait have to ask. */
  open(): Promise<boolean> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  /** Calls `wake` with what is sent to `holder`, until the returned function is called. */
  listen(holder: string, wake: Wake): () => void {
    this.#waiting.set(holder, wake)
    return () => this.#waiting.delete(holder)
  }

  close(): void {
    this.#connection?.disconnect()
    this.#connection = undefined
    this.#opening = undefined
    this.#isOpen = false
    for (const wake of this.#waiting.values()) wake(undefined)
  }

  async #open(): Promise<boolean> {
    const connection = this.#redis.duplicate({ enableOfflineQueue: true })
    this.#connection = connection
    this.#followCaller()
    connection.on('error', () => {}) // the driver reconnects; until then the fall-back timers run
    connection.on('message', (_channel, message) => this.#receive(message))
    let opened = false
    connection.on('ready', () => {
      // The first time nobody can have missed anything.
      if (opened) for (const wake of this.#waiting.values()) wake(undefined)
      opened = true
    })
    try {
      await connection.subscribe(this.#channel)
      this.#isOpen = this.#connection === connection
      return this.#isOpen
    } catch {
      connection.disconnect()
      if (this.#connection === connection) {
        this.#connection = undefined
        this.#opening = undefined
      }
      return false
    }
  }

  /** When the caller ends its client, our connection must not keep the process alive. */
  #followCaller(): void {
    if (this.#follows) return // also after a failed try: each would leave a listener on the caller's client
    this.#follows = true
    this.#redis.on('end', () => this.close())
  }

  #receive(message: string): void {
    const [holder = '', token, serverUs] = message.split(' ')
    this.#waiting.get(holder)?.({ token: Number(token), serverUs: Number(serverUs) })
  }
}

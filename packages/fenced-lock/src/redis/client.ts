/** The part of an `ioredis` client this adapter calls, so the driver stays the caller's choice. */
export interface RedisLike {
  evalsha(sha: string, keyCount: number, ...keysAndArguments: (string | number)[]): Promise<unknown>
  eval(script: string, keyCount: number, ...keysAndArguments: (string | number)[]): Promise<unknown>
  script(subcommand: 'LOAD', script: string): Promise<unknown>
  /** A second connection with the same settings: a subscribed one can do nothing else. */
  duplicate(options?: { enableOfflineQueue?: boolean }): RedisSubscriberLike
  on(event: 'end', listener: () => void): unknown
}

/** The part of the duplicated client this adapter calls. */
export interface RedisSubscriberLike {
  subscribe(channel: string): Promise<unknown>
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  on(event: 'ready' | 'end', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  disconnect(): void
}

/** A Lua script that is sent once in the life of this process and named by its hash from then on. */
export class Script {
  readonly #text: string
  /** Depends on the text only, so it is the same on every server. */
  #sha: string | undefined

  constructor(text: string) {
    this.#text = text
  }

  async run(
    redis: RedisLike,
    keys: readonly string[],
    values: readonly (string | number)[],
  ): Promise<unknown> {
    this.#sha ??= String(await redis.script('LOAD', this.#text))
    try {
      return await redis.evalsha(this.#sha, keys.length, ...keys, ...values)
    } catch (error) {
      // A server that was restarted or just promoted does not know the script: it did nothing.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return redis.eval(this.#text, keys.length, ...keys, ...values)
    }
  }
}

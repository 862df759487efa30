/** The part of an `ioredis` client, or cluster, that this adapter calls, so the driver stays the caller's choice. */
export interface RedisLike {
  /** Any command, answered with buffers. */
  callBuffer(command: string, ...args: (string | Uint8Array | number)[]): Promise<unknown>
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
    key: string,
    values: readonly (string | Uint8Array | number)[],
  ): Promise<unknown> {
    this.#sha ??= String(await redis.callBuffer('script', 'LOAD', this.#text))
    try {
      return await redis.callBuffer('evalsha', this.#sha, 1, key, ...values)
    } catch (error) {
      // A server that was restarted or just promoted does not know the script: it did nothing.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return redis.callBuffer('eval', this.#text, 1, key, ...values)
    }
  }
}

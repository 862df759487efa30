type Argument = string | Uint8Array | number

/** The part of an `ioredis` client, or cluster, that this adapter calls, so the driver stays the caller's choice. */
export interface RedisLike {
  /** Any command, answered with buffers. */
  callBuffer(command: string, ...args: Argument[]): Promise<unknown>
  /** Several commands in one packet; only called with `enableAutoPipelining`. */
  pipeline(): {
    callBuffer(
      command: string,
      ...args: Argument[]
    ): { exec(): Promise<readonly (readonly [error: Error | null, result: unknown])[] | null> }
  }
  readonly options?: { readonly enableAutoPipelining?: boolean | undefined } | undefined
}

/** Runs a command. */
export async function call(redis: RedisLike, command: string, ...args: Argument[]): Promise<unknown> {
  if (redis.options?.enableAutoPipelining !== true) return redis.callBuffer(command, ...args)
  // ioredis (6.0) drops the name of what is called by name when it makes pipelines by itself; not in one of ours.
  const [[error, result] = [new Error('the pipeline has no answer'), undefined]] =
    (await redis
      .pipeline()
      .callBuffer(command, ...args)
      .exec()) ?? []
  if (error !== null) throw error
  return result
}

/** A Lua script that is sent once in the life of this process and named by its hash from then on. */
export class Script {
  readonly #text: string
  /** Depends on the text only, so it is the same on every server. */
  #sha: string | undefined

  constructor(text: string) {
    this.#text = text
  }

  async run(redis: RedisLike, key: string, values: readonly Argument[]): Promise<unknown> {
    this.#sha ??= String(await call(redis, 'script', 'LOAD', this.#text))
    try {
      return await call(redis, 'evalsha', this.#sha, 1, key, ...values)
    } catch (error) {
      // A server that was restarted or just promoted does not know the script: it did nothing.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return call(redis, 'eval', this.#text, 1, key, ...values)
    }
  }
}

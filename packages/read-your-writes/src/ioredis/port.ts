/** The part of a command of `ioredis` that is looked at. */
export interface RedisCommand {
  readonly name: string
  readonly promise: Promise<unknown>
  reject(error: Error): void
}

/** The part of an `ioredis` client that the router calls, so the driver stays the caller's choice. */
export interface RedisClient {
  /** `ready` while commands go out at once. */
  readonly status: string
  readonly options: object
  info(section: string): Promise<string>
  /** All commands of a client, of its pipelines and of its transactions pass through here. */
  sendCommand(command: RedisCommand, stream?: unknown): unknown
  on(event: 'ready' | 'close', listener: () => void): unknown
  removeListener(event: 'ready' | 'close', listener: () => void): unknown
}

/** The callback of a read or a write; the client it gets is useless after it has ended. */
export type RedisWork<T, Client> = (redis: Client) => Promise<T>

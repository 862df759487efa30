import { Redis, ReplyError } from 'ioredis'
import { Line, NotSentError, type MakeRegisters } from './registers.ts'

/** Options of {@link redisRegisters}. */
export interface RedisRegistersOptions {
  /** A write waits until so many replicas have it (`WAIT`); without, its outcome is unknown. Default 0. */
  readonly wait?: number | undefined
}

/** Plain keys: SET and GET. */
export function redisRegisters({ wait = 0 }: RedisRegistersOptions = {}): MakeRegisters {
  return (ports, deadlineMs) => {
    const lineTo = (port: number): Line<Redis> =>
      new Line({ deadlineMs, open: () => connected(port), destroy: (client) => client.disconnect() })
    const lines = { primary: lineTo(ports.primary), replica: lineTo(ports.replica) }
    return {
      write: (key, value) =>
        lines.primary.use(async (client) => {
          await client.set(key, value).catch(refused)
          if (wait === 0) return
          // A little less than we wait ourselves: after it, Redis says how many there were.
          const replicas = await client.wait(wait, Math.ceil(deadlineMs / 2))
          if (replicas < wait) throw new Error(`${replicas} replicas have it`)
        }),
      read: (place, key) =>
        lines[place].use(async (client) => {
          const text = await client.get(key)
          return text === null ? null : Number(text)
        }),
      close: () => {
        lines.primary.close()
        lines.replica.close()
      },
    }
  }
}

async function connected(port: number): Promise<Redis> {
  const client = new Redis({
    host: '127.0.0.1',
    port,
    lazyConnect: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    client.disconnect()
    throw error
  }
  return client
}

/** An error that the server answers with, for example that it is loading: nothing was written. */
function refused(error: unknown): never {
  if (error instanceof ReplyError) throw new NotSentError('refused', { cause: error })
  throw error
}

// A process with one engine and one saga, that stops at a point and says so, to be killed there.
// Arguments: database URL, saga name, declined, point at which to stop (0: none).
import pg from 'pg'
import { createSagaEngine, type PgPool } from '@quorate/saga'
import { checkoutSaga } from './checkout.ts'

const [url, name = '', declined, point] = process.argv.slice(2)
const pool = new pg.Pool({ connectionString: url, max: 4 })
let reached = 0

async function pass(at: string): Promise<void> {
  if (++reached !== Number(point)) return
  process.stdout.write(`reached ${at}\n`)
  await new Promise(() => {})
}

/** Stops before and after each statement that writes the saga. */
function watched(real: pg.Pool): PgPool<pg.PoolClient> {
  const around = async <T>(at: string, send: () => Promise<T>): Promise<T> => {
    await pass(`before ${at}`)
    const reply = await send()
    await pass(`after ${at}`)
    return reply
  }
  return new Proxy(real, {
    get(target, property) {
      if (property === 'query') {
        return (statement: { name?: string; text: string; values: unknown[] }) => {
          const send = () => target.query(statement)
          return statement.name?.startsWith('saga_write') === true ? around('write', send) : send()
        }
      }
      if (property === 'connect') {
        return async () => {
          const client = await target.connect()
          const query = client.query.bind(client) as (
            text: unknown,
            values?: unknown[],
          ) => Promise<pg.QueryResult>
          const release = client.release.bind(client)
          const own = client as unknown as { query: unknown; release: unknown }
          own.query = (what: string | { text: string }, values?: unknown[]) => {
            const text = typeof what === 'string' ? what : what.text
            return around(text.trim().split(/\s/)[0] ?? '', () => query(what, values))
          }
          own.release = (destroy?: boolean) => {
            own.query = query
            release(destroy)
          }
          return client
        }
      }
      const value: unknown = Reflect.get(target, property)
      return typeof value === 'function' ? (value as () => unknown).bind(target) : value
    },
  })
}

const checkout = checkoutSaga(name, pool, pass)
const engine = createSagaEngine({ pool: watched(pool), sagas: [checkout], leaseMs: 3_000 })
const run = await engine.start(checkout, { declined: declined === 'true' }, { id: name })
const { status } = await run.result()
process.stdout.write(`ended ${status} after ${reached} points\n`)
await engine.stop()
await pool.end()

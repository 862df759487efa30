import type { PgPool, PgPoolClient } from '@quorate/two-phase-commit'
import type pg from 'pg'

/** Where a coordinator stands: about to send, or with the answer in hand. */
export interface Point {
  readonly when: 'before' | 'after'
  readonly server: string
  /** The statement in a word or two. */
  readonly what: string
  readonly text?: string | undefined
}

export const describe = ({ when, server, what }: Point): string => `${when} ${what} on ${server}`

/** A pool whose every await is a point. What `pass` throws is thrown to the coordinator, as a lost answer is. */
export function watched(name: string, poolOf: () => pg.Pool, pass: (point: Point) => Promise<void>): PgPool {
  const around = async <T>(
    { what, text }: Pick<Point, 'what' | 'text'>,
    send: () => Promise<T>,
    undo?: (value: T) => void,
  ): Promise<T> => {
    await pass({ when: 'before', server: name, what, text })
    const value = await send()
    try {
      await pass({ when: 'after', server: name, what, text })
    } catch (error) {
      undo?.(value)
      throw error
    }
    return value
  }
  // One for each connection, as a pool gives it out: what is known of a connection is known of the next transaction.
  const clients = new WeakMap<pg.PoolClient, PgPoolClient>()
  return {
    connect: () =>
      around(
        { what: 'connect' },
        async (): Promise<PgPoolClient> => {
          const client = await poolOf().connect()
          // A stroke can fall before the coordinator has it.
          if (client.listenerCount('error') === 0) client.on('error', () => {})
          const known = clients.get(client)
          if (known !== undefined) return known
          const made: PgPoolClient = {
            query: (text: string, values?: unknown[]) =>
              around({ what: nameOf(text), text }, () => client.query(text, values)),
            release: (destroy) => client.release(destroy),
            on: (event: 'error' | 'notice', listener: never) => client.on(event as 'error', listener),
            removeListener: (event: 'error' | 'notice', listener: never) =>
              client.removeListener(event, listener),
          }
          clients.set(client, made)
          return made
        },
        (client) => client.release(true),
      ),
  }
}

const NAMES: readonly (readonly [RegExp, string])[] = [
  [/COMMIT PREPARED/, 'COMMIT PREPARED'],
  [/ROLLBACK PREPARED/, 'ROLLBACK PREPARED'],
  [/PREPARE TRANSACTION/, 'PREPARE'],
  [/CALL .*tpc_record.*COMMIT$/, 'COMMIT with the record'],
  [/AS d \(id, epoch/, 'settle'],
  [/^COMMIT$/, 'COMMIT'],
  [/pg_xact_status/, 'fate'],
  [/^BEGIN/, 'BEGIN'],
]

/** What a statement is called in {@link Point}. */
export function nameOf(text: string): string {
  const [, name] = NAMES.find(([pattern]) => pattern.test(text)) ?? []
  return name ?? text.trim().split(/\s+/).slice(0, 2).join(' ')
}

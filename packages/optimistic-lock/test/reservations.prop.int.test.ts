// Any calls, one after the other, against the obvious model of reservations: every answer, and the units left after it.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { table } from '../src/pg/index.ts'
import { reservations, reservationsMigration } from '../src/reservations/index.ts'
import { connect } from './connect.ts'

const { pool } = await connect(2)
await pool.query(`${reservationsMigration()}
  CREATE TABLE "it""em" ("the id" text, n int, units numeric(12, 2) NOT NULL, v bigint NOT NULL, PRIMARY KEY ("the id", n))`)
const holds = reservations(pool, {
  table: table<{ 'the id': string; n: number; units: string; v: string }>('it"em'),
  key: ['the id', 'n'],
  counter: 'units',
  version: 'v',
})

type State = 'held' | 'confirmed' | 'released' | 'expired'
interface Held {
  readonly item: number
  readonly quantity: number
  state: State
  isDue: boolean
}
interface Step {
  readonly op: 'hold' | 'confirm' | 'release' | 'age' | 'expire' | 'get'
  readonly id: number
  readonly item: number
  readonly quantity: number
}

class Model {
  readonly free: number[] = [5, 3]
  readonly #held = new Map<number, Held>()

  /** The state of the answer, `none`, or the error. */
  answer({ op, id, item, quantity }: Step): string {
    const found = this.#held.get(id)
    switch (op) {
      case 'hold':
        return found === undefined ? this.#hold(id, item, quantity) : sameAs(found, item, quantity)
      case 'confirm':
        if (found?.state === 'held' && !found.isDue) found.state = 'confirmed'
        return found?.state === 'confirmed' ? 'confirmed' : `closed: ${seen(found) ?? 'missing'}`
      case 'release':
        if (found?.state === 'held') this.#end(found, 'released')
        return found?.state === 'confirmed' ? 'closed: confirmed' : (found?.state ?? 'none')
      case 'age':
        if (found?.state === 'held') found.isDue = true
        return ''
      case 'expire':
        this.#expire(() => true)
        return ''
      case 'get':
        return seen(found) ?? 'none'
      default:
        return op satisfies never
    }
  }

  #hold(id: number, item: number, quantity: number): string {
    if ((this.free[item] ?? 0) < quantity) this.#expire((each) => each.item === item)
    const free = this.free[item] ?? 0
    if (free < quantity) return 'none'
    this.free[item] = free - quantity
    this.#held.set(id, { item, quantity, state: 'held', isDue: false })
    return 'held'
  }

  #expire(isMeant: (held: Held) => boolean): void {
    for (const held of this.#held.values()) {
      if (held.state === 'held' && held.isDue && isMeant(held)) this.#end(held, 'expired')
    }
  }

  #end(held: Held, state: State): void {
    held.state = state
    this.free[held.item] = (this.free[held.item] ?? 0) + held.quantity
  }
}

function seen(held: Held | undefined): State | undefined {
  return held?.state === 'held' && held.isDue ? 'expired' : held?.state
}

function sameAs(found: Held, item: number, quantity: number): string {
  if (found.item !== item || found.quantity !== quantity) return 'mismatch'
  const state = seen(found)
  return state === 'held' || state === 'confirmed' ? state : `closed: ${state}`
}

let run = 0
test('one after the other, every call is answered as the obvious model answers it', async () => {
  const step: fc.Arbitrary<Step> = fc.record({
    op: fc.constantFrom('hold', 'hold', 'hold', 'confirm', 'release', 'age', 'age', 'expire', 'get'),
    id: fc.nat({ max: 3 }),
    item: fc.nat({ max: 1 }),
    quantity: fc.integer({ min: 2, max: 4 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 30, size: 'max' }), async (steps) => {
      const name = `'run' ${++run}"`
      const model = new Model()
      await pool.query(
        'INSERT INTO "it""em" SELECT $1, n, (ARRAY[5, 3])[n + 1], 1 FROM generate_series(0, 1) AS n',
        [name],
      )
      for (const each of steps) {
        const id = `${run} ${each.id}`
        const calls = {
          hold: () => holds.hold(id, { 'the id': name, n: each.item }, each.quantity),
          confirm: () => holds.confirm(id),
          release: () => holds.release(id),
          get: () => holds.get(id),
          age: async () => {
            await pool.query(
              "UPDATE quorate.reservation SET expires_at = now() - interval '1 s' WHERE id = $1",
              [id],
            )
            return { state: '' }
          },
          expire: async () => {
            await holds.expire()
            return { state: '' }
          },
        }
        const answer = await calls[each.op]().then(
          (reservation) => reservation?.state ?? 'none',
          (error: { code?: string; state?: string }) =>
            error.code === 'QUORATE_RESERVATION_MISMATCH' ? 'mismatch' : `closed: ${error.state}`,
        )
        const { rows } = await pool.query<{ units: number }>(
          'SELECT units::float8 AS units FROM "it""em" WHERE "the id" = $1 ORDER BY n',
          [name],
        )
        const expected = model.answer(each)
        expect([answer, rows.map(({ units }) => units)]).toEqual([expected, model.free])
      }
    }),
    { numRuns: 80 },
  )
})

import { systemClock } from '@quorate/core'
import { expect, test } from 'vitest'
import { Deadline } from './deadline.ts'
import { DoneRecords } from './done-records.ts'
import type { PgPool } from './postgres/port.ts'

const LOG = 'abcdefabcdef'

/** A participant that answers what is prepared there, or fails. */
function participant(prepared: () => readonly string[]): PgPool & { readonly asked: string[] } {
  const asked: string[] = []
  const client = {
    query: (text: string) => {
      asked.push(text)
      const rows = prepared().map((id) => ({ gid: `quorate:${LOG}:${id}:orders` }))
      return Promise.resolve([{ command: 'SELECT', rows, rowCount: rows.length }])
    },
    release: () => {},
    on: () => {},
    removeListener: () => {},
  }
  return { asked, connect: () => Promise.resolve(client) }
}

function setup(pools: Record<string, PgPool>) {
  const forgotten: string[][] = []
  const back: string[] = []
  const { promise: deleted, resolve } = Promise.withResolvers<void>()
  const refused: unknown[] = []
  const log = {
    server: 'payments',
    forget: (ids: readonly string[]): Promise<void> => {
      forgotten.push([...ids])
      resolve()
      return Promise.resolve()
    },
  }
  const newDeadline = (): Deadline => new Deadline(systemClock, 60_000, () => new Error('never'))
  const done = new DoneRecords({
    log,
    pools: new Map(Object.entries(pools)),
    newDeadline,
    onBack: (id) => void back.push(id),
    onRefused: (server, error) => void refused.push([server, error]),
  })
  const flush = async (): Promise<void> => {
    using deadline = newDeadline()
    await done.flush(deadline)
  }
  return { done, log, forgotten, back, refused, flush, deleted }
}

test('a record is deleted once its participants have said, in one session, that nothing is prepared for good', async () => {
  const [orders, stock] = [participant(() => []), participant(() => [])]
  const { done, forgotten, flush } = setup({ orders, stock })
  await flush()
  expect([forgotten, orders.asked]).toEqual([[], []])
  done.add('c.1.1', ['orders'], LOG)
  done.add('c.1.2', ['orders'], LOG)
  await flush()
  expect(forgotten).toEqual([['c.1.1', 'c.1.2']])
  expect(orders.asked).toEqual([expect.stringMatching(/pg_prepared_xacts[\s\S]*pg_logical_emit_message/)])
  expect(stock.asked).toEqual([])
})

test('what a failover has brought back keeps its record, and is handed to recovery', async () => {
  const orders = participant(() => ['c.1.2', 'c.9.9'])
  const { done, forgotten, back, flush } = setup({ orders })
  for (const id of ['c.1.1', 'c.1.2']) done.add(id, ['orders'], LOG)
  await flush()
  expect([forgotten, back]).toEqual([[['c.1.1']], ['c.1.2']])
})

test('a participant that is away keeps its records until it is back, and nobody else’s', async () => {
  let isAway = true
  const orders = participant(() => {
    if (isAway) throw new Error('Connection terminated')
    return []
  })
  const { done, forgotten, refused, flush } = setup({ orders, stock: participant(() => []) })
  done.add('c.1.1', ['orders'], LOG)
  done.add('c.1.2', ['stock'], LOG)
  await expect(flush()).rejects.toThrow('Connection terminated')
  expect([forgotten, refused]).toEqual([[['c.1.2']], []])
  isAway = false
  await flush()
  expect(forgotten).toEqual([['c.1.2'], ['c.1.1']])
})

test('records that a server refuses to show, or to delete, stay, and that is told', async () => {
  const denied = Object.assign(new Error('permission denied'), { code: '42501', severity: 'ERROR' })
  let mayNot: string | undefined = 'orders'
  const { done, log, forgotten, refused, flush } = setup({
    orders: participant(() => {
      if (mayNot === 'orders') throw denied
      return []
    }),
  })
  const { forget } = log
  log.forget = (ids) => (mayNot === 'payments' ? Promise.reject(denied) : forget(ids))
  done.add('c.1.1', ['orders'], LOG)
  await expect(flush()).rejects.toBe(denied)
  mayNot = 'payments'
  await expect(flush()).rejects.toBe(denied)
  expect(refused).toEqual([
    ['orders', denied],
    ['payments', denied],
  ])
  mayNot = undefined
  await flush()
  expect(forgotten).toEqual([['c.1.1']])
})

test('while a participant is away, it is asked no more often than else', async () => {
  let tries = 0
  const orders = participant(() => {
    tries++
    throw new Error('Connection terminated')
  })
  const { done, flush } = setup({ orders })
  for (let number = 0; number < 128; number++) {
    done.add(`c.1.${number}`, ['orders'], LOG)
    await new Promise(setImmediate)
  }
  expect(tries).toBe(2)
  await expect(flush()).rejects.toThrow('Connection terminated')
})

test('the longer it is away, the more seldom all that stays is looked through again', async () => {
  let tries = 0
  const orders = participant(() => {
    tries++
    throw new Error('Connection terminated')
  })
  const { done } = setup({ orders })
  for (let number = 0; number < 1_024; number++) {
    done.add(`c.1.${number}`, ['orders'], LOG)
    await new Promise(setImmediate)
  }
  expect(tries).toBe(5)
})

test('every 64th sets off their deletion', async () => {
  const { done, forgotten, deleted } = setup({ orders: participant(() => []) })
  for (let number = 0; number < 64; number++) done.add(`c.1.${number}`, ['orders'], LOG)
  await deleted
  expect(forgotten.map((ids) => ids.length)).toEqual([64])
})

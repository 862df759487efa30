import { context, SpanKind, SpanStatusCode } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { VirtualClock } from '@quorate/core'
import { testDatabase } from '@quorate/local-cluster/vitest'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  coLocated,
  type Coordinator,
  type CoordinatorOptions,
  createCoordinator,
  type PgPool,
} from '@quorate/two-phase-commit'
import { twoPhaseCommitSpans } from '@quorate/two-phase-commit/otel'
import { audit, type Bank, coordinatorOf, type Names, openBank, transfer } from './support.ts'
import { type Point, watched } from './watched.ts'

const exporter = new InMemorySpanExporter()
const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
const tracer = tracerProvider.getTracer('test')
const spans = twoPhaseCommitSpans({ tracerProvider })

let bank: Bank

beforeAll(async () => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  const [payments, orders, log] = [await testDatabase(), await testDatabase(), await testDatabase()]
  bank = await openBank({ payments: payments.url, orders: orders.url, log: log.url })
  await using coordinator = coordinatorOf(bank, 'co-located')
  await coordinator.migrate()
})
afterAll(async () => {
  context.disable()
  await bank[Symbol.asyncDispose]()
})
beforeEach(() => exporter.reset())

/** Runs in a span of the caller, and waits for what comes of it. */
const within = <T>(name: string, work: () => Promise<T>): Promise<unknown> =>
  tracer.startActiveSpan(name, async (span) => {
    try {
      return await work()
    } catch (error) {
      return error
    } finally {
      span.end()
    }
  })

interface Tree {
  readonly [name: string]: readonly [attributes: Record<string, unknown>, children: Tree]
}

/** The finished spans below one, or those without a parent. Those of one name in the order of their ends. */
function treeOf(parent?: string): Tree {
  const children = exporter.getFinishedSpans().filter((span) => span.parentSpanContext?.spanId === parent)
  return Object.fromEntries(
    children.map((span) => [span.name, [factsOf(span), treeOf(span.spanContext().spanId)]] as const),
  )
}

/** Only what differs: all of ours are calls to Postgres, and named by what they send. */
function factsOf({ name, kind, attributes, status }: ReadableSpan): Record<string, unknown> {
  const { 'db.system.name': system, 'db.operation.name': operation = '', ...rest } = attributes
  const facts = Object.entries(rest).map(([key, value]) => [key.replace('quorate.tpc.', ''), value])
  const isOdd =
    system !== undefined &&
    (system !== 'postgresql' ||
      kind !== SpanKind.CLIENT ||
      !name.startsWith(JSON.stringify(operation).slice(1, -1)))
  const message = status.code === SpanStatusCode.ERROR ? { message: status.message } : {}
  return { ...Object.fromEntries(facts), ...(isOdd ? { isOdd } : {}), ...message }
}

const BOTH = ['payments', 'orders']

function stopping(
  pass: (point: Point) => Promise<void>,
  options: Partial<CoordinatorOptions<Record<Names, PgPool>>> = {},
): Coordinator<Record<Names, PgPool>> {
  const pool = (name: Names): PgPool => watched(name, () => bank.pools[name], pass)
  return createCoordinator({
    participants: { payments: pool('payments'), orders: pool('orders') },
    log: coLocated('payments'),
    recoverEveryMs: Infinity,
    spans,
    ...options,
  })
}

test('a transaction is a span below the caller’s, and what it does is below it', async () => {
  await using coordinator = coordinatorOf(bank, 'co-located', { spans })
  let id = ''
  await within('request', () =>
    coordinator.transaction(async ({ payments, orders }, transaction) => {
      id = transaction.id
      await within('in the callback', () => payments.query("INSERT INTO transfer VALUES ('two', 1)"))
      await orders.query("INSERT INTO transfer VALUES ('two', 1)")
    }),
  )
  const all = { id, participants: BOTH, outcome: 'committed', how: 'two-phase' }
  expect(treeOf()).toEqual({
    request: [
      {},
      {
        'quorate.tpc.transaction': [
          all,
          {
            'in the callback': [{}, {}],
            'PREPARE TRANSACTION orders': [{ server: 'orders' }, {}],
            'COMMIT payments': [{ server: 'payments' }, {}],
            'COMMIT PREPARED orders': [{ server: 'orders' }, {}],
          },
        ],
      },
    ],
  })
})

test('one writer, and none', async () => {
  await using coordinator = coordinatorOf(bank, 'co-located', { spans })
  await within('one', () =>
    coordinator.transaction(({ orders }) => orders.query("INSERT INTO transfer VALUES ('one', 1)")),
  )
  await within('none', () =>
    coordinator.transaction(({ orders }) => orders.query('SELECT 1'), { use: ['orders'] }),
  )
  const commits = (name: Names): Tree => ({ [`COMMIT ${name}`]: [{ server: name }, {}] })
  const one = { id: expect.any(String), outcome: 'committed' }
  expect(treeOf()).toEqual({
    one: [
      {},
      {
        'quorate.tpc.transaction': [
          { ...one, participants: BOTH, how: 'one-phase' },
          { ...commits('payments'), ...commits('orders') },
        ],
      },
    ],
    none: [
      {},
      {
        'quorate.tpc.transaction': [
          { ...one, participants: ['orders'], how: 'read-only' },
          commits('orders'),
        ],
      },
    ],
  })
})

test('what fails says why: a callback, a vote of no, a log without tables', async () => {
  await using coordinator = coordinatorOf(bank, 'co-located', { spans })
  await within('callback', () =>
    coordinator.transaction(async () => {
      throw new RangeError('no such order')
    }),
  )
  await within('vote', () =>
    coordinator.transaction(async ({ payments, orders }) => {
      await payments.query("INSERT INTO transfer VALUES ('vote', 1)")
      await orders.query("INSERT INTO transfer VALUES ('vote', 1)")
      await orders.query("INSERT INTO transfer VALUES ('vote', 1)").catch(() => {})
    }),
  )
  await using without = coordinatorOf(bank, 'separate', { spans })
  await within('tables', () => transfer(without, 'never'))
  const id = expect.any(String)
  const aborted = {
    'error.type': 'QUORATE_TPC_ABORTED',
    'db.response.status_code': '23505',
    message: expect.stringMatching(
      /^Cannot commit the transaction: a statement or a constraint failed on orders/,
    ),
  }
  expect(treeOf()).toEqual({
    callback: [
      {},
      {
        'quorate.tpc.transaction': [
          {
            id,
            participants: BOTH,
            outcome: 'aborted',
            'error.type': 'RangeError',
            message: 'no such order',
          },
          {},
        ],
      },
    ],
    vote: [
      {},
      {
        'quorate.tpc.transaction': [
          { id, participants: BOTH, outcome: 'aborted', ...aborted },
          {
            'PREPARE TRANSACTION orders': [{ server: 'orders', ...aborted }, {}],
            'ROLLBACK orders': [{ server: 'orders' }, {}],
          },
        ],
      },
    ],
    tables: [
      {},
      {
        'quorate.tpc.transaction': [
          {
            participants: BOTH,
            'error.type': 'QUORATE_TPC_NOT_MIGRATED',
            'db.response.status_code': '42P01',
            message: expect.stringContaining('call migrate() once'),
          },
          {},
        ],
      },
    ],
  })
})

test('a record that is refused is the failure of its span, with the reason of the server', async () => {
  await bank.pools.payments.query('CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)')
  await using coordinator = coordinatorOf(bank, 'co-located', { spans })
  const error = await within('late', () =>
    coordinator.transaction(async ({ payments, orders }) => {
      await payments.query('INSERT INTO late VALUES (1), (1)')
      await orders.query("INSERT INTO transfer VALUES ('late', 1)")
    }),
  )
  expect(error).toMatchObject({ code: 'QUORATE_TPC_ABORTED', participant: 'payments' })
  const state = { 'error.type': '23505', 'db.response.status_code': '23505' }
  const [, request] = treeOf()['late'] ?? []
  expect(Object.values(request ?? {})[0]?.[1]).toEqual({
    'PREPARE TRANSACTION orders': [{ server: 'orders' }, {}],
    'COMMIT payments': [{ server: 'payments', ...state, message: 'The decision is abort' }, {}],
    'ROLLBACK orders': [{ server: 'orders' }, {}],
  })
})

test('what the end of the time sets off is drawn where the transaction is, whoever keeps the time', async () => {
  const clock = new VirtualClock()
  const isThere = Promise.withResolvers<undefined>()
  const go = Promise.withResolvers<undefined>()
  const timeoutMs = 60_000
  await using coordinator = stopping(
    async ({ when, what }) => {
      if (when !== 'before' || what !== 'PREPARE') return
      isThere.resolve(undefined)
      await go.promise
    },
    { clock, timeoutMs },
  )
  // The first to wait for a time keeps it for all.
  const other = within('other', () => coordinator.transaction(() => go.promise, { use: ['orders'] }))
  const late = within('late', () => transfer(coordinator, 'late'))
  await isThere.promise
  await clock.advance(timeoutMs)
  await late
  go.resolve(undefined)
  await other
  const { late: drawn } = treeOf()
  expect(drawn).toEqual([
    {},
    {
      'quorate.tpc.transaction': [
        {
          id: expect.any(String),
          participants: BOTH,
          outcome: 'aborted',
          left: ['orders'],
          'error.type': 'QUORATE_TPC_TIMEOUT',
          message: expect.stringContaining(`within ${timeoutMs} ms`),
        },
        {
          'PREPARE TRANSACTION orders': [
            expect.objectContaining({ 'error.type': 'QUORATE_TPC_TIMEOUT' }),
            {},
          ],
          // It was not prepared, and yet may be.
          'ROLLBACK orders': [expect.objectContaining({ 'error.type': '42704' }), {}],
        },
      ],
    },
  ])
})

test('a transaction in doubt, and its recovery, which belongs to nobody', async () => {
  const clock = new VirtualClock()
  const graceMs = 2_000
  const isAsked = Promise.withResolvers<undefined>()
  const isOver = Promise.withResolvers<undefined>()
  let lost: readonly string[] = ['after COMMIT with the record', 'before settle']
  await using coordinator = stopping(
    async ({ when, what }) => {
      if (what === 'settle') {
        isAsked.resolve(undefined)
        await isOver.promise
      }
      if (lost.includes(`${when} ${what}`)) throw new Error(`${what} is lost`)
    },
    { clock, graceMs },
  )
  const doubt = within('doubt', () => transfer(coordinator, 'doubt'))
  await isAsked.promise
  await clock.advance(graceMs)
  await doubt
  isOver.resolve(undefined)
  const lostFacts = (what: string): object => ({ 'error.type': 'Error', message: `${what} is lost` })
  const drawn = treeOf()
  expect(drawn).toEqual({
    doubt: [
      {},
      {
        'quorate.tpc.transaction': [
          {
            id: expect.any(String),
            participants: BOTH,
            outcome: 'in-doubt',
            'error.type': 'QUORATE_TPC_IN_DOUBT',
            message: expect.stringContaining('later, before you repeat it'),
          },
          {
            'PREPARE TRANSACTION orders': [{ server: 'orders' }, {}],
            'COMMIT payments': [{ server: 'payments', ...lostFacts('COMMIT with the record') }, {}],
            'settle payments': [
              {
                server: 'payments',
                'error.type': 'Error',
                message: `no answer within ${graceMs} ms`,
              },
              {},
            ],
          },
        ],
      },
    ],
  })
  const id = drawn['doubt']?.[1]['quorate.tpc.transaction']?.[0]['id']
  exporter.reset()
  lost = ['before COMMIT PREPARED']
  await within('first', () => coordinator.recover())
  const both = { id, participants: ['orders'], decision: 'commit' }
  const settles: Tree = { 'settle payments': [{ server: 'payments' }, {}] }
  const failed = lostFacts('COMMIT PREPARED')
  expect(treeOf()).toEqual({
    first: [{}, {}],
    'quorate.tpc.recovery': [
      { ...both, left: ['orders'], ...failed },
      { ...settles, 'COMMIT PREPARED orders': [{ server: 'orders', ...failed }, {}] },
    ],
  })
  exporter.reset()
  lost = []
  do await coordinator.recover()
  while ((await audit(bank)).prepared.length > 0)
  const { 'quorate.tpc.recovery': recovery } = treeOf()
  expect(recovery).toEqual([both, { ...settles, 'COMMIT PREPARED orders': [{ server: 'orders' }, {}] }])
})

import { checkNames } from '@quorate/core'
import type { ResultOptions, SagaEngineOptions, StartOptions } from './engine-api.ts'
import type { SagaStatus } from './log.ts'
import type { SagaFilter } from './store.ts'

type AllNames<T> = T extends unknown ? keyof T : never

const ENGINE_OPTIONS: readonly AllNames<SagaEngineOptions>[] = [
  'sagas',
  'pool',
  'schema',
  'store',
  'concurrency',
  'leaseMs',
  'pollMs',
  'clock',
  'random',
  'onEvent',
]
const START_OPTIONS: readonly (keyof StartOptions)[] = ['id', 'signal', 'deadlineMs']
const RESULT_OPTIONS: readonly (keyof ResultOptions)[] = ['signal', 'deadlineMs']
const FILTER: readonly (keyof SagaFilter)[] = ['status', 'name', 'limit']
const STATUSES: readonly SagaStatus[] = [
  'running',
  'compensating',
  'completed',
  'compensated',
  'needs-attention',
]

/** Options of an engine that have a default, filled in. */
export interface EngineNumbers {
  readonly concurrency: number
  readonly leaseMs: number
  readonly pollMs: number
}

/**
 * Checks what an engine is made of: from JavaScript anything may come in, and would fail later, far from the mistake.
 *
 * @throws TypeError for an option that is missing, unknown or of the wrong kind, RangeError for a number out of range.
 */
export function checkEngineOptions(options: SagaEngineOptions): EngineNumbers {
  const { concurrency = 1_000, leaseMs = 10_000, pollMs = 250 } = options
  checkNames('make a saga engine', options, ENGINE_OPTIONS)
  checkNumbers({ concurrency, leaseMs, pollMs })
  checkParts(options)
  return { concurrency, leaseMs, pollMs }
}

/** @throws TypeError for an unknown option, or an id that is none. */
export function checkStart(options: StartOptions | undefined): asserts options is StartOptions {
  checkId(options?.id)
  checkNames('start a saga', options ?? {}, START_OPTIONS)
}

/** @throws TypeError for an unknown option. */
export function checkResultOptions(id: string, options: ResultOptions): void {
  checkNames(`wait for the result of saga ${id}`, options, RESULT_OPTIONS)
}

/** @throws TypeError for an unknown option. */
export function checkStop(options: object): void {
  checkNames('stop a saga engine', options, ['deadlineMs'])
}

/** The filter with its limit. @throws TypeError for an unknown name, RangeError for a value out of range. */
export function checkFilter(filter: SagaFilter): SagaFilter {
  checkNames('list sagas', filter, FILTER)
  const { limit = 100, status } = filter
  if (!(typeof limit === 'number' && limit >= 1 && limit <= 1_000))
    throw new RangeError(`Cannot list sagas: limit must be 1 to 1,000, got ${limit}`)
  if (status !== undefined && !STATUSES.includes(status))
    throw new RangeError(`Cannot list sagas: status must be one of ${STATUSES.join(', ')}, got ${status}`)
  return { ...filter, limit }
}

function checkNumbers({ concurrency, leaseMs, pollMs }: EngineNumbers): void {
  const refuse = (rule: string, value: number): never => {
    throw new RangeError(`Cannot make a saga engine: ${rule}, got ${value}`)
  }
  if (!Number.isInteger(concurrency) || concurrency < 0)
    refuse('concurrency must be a whole number from 0', concurrency)
  if (!(typeof leaseMs === 'number' && leaseMs >= 100 && leaseMs < Infinity))
    refuse('leaseMs must be at least 100', leaseMs)
  if (!(typeof pollMs === 'number' && pollMs >= 1 && pollMs < Infinity))
    refuse('pollMs must be at least 1', pollMs)
}

function checkParts(options: {
  readonly pool?: object
  readonly store?: object
  readonly sagas: unknown
}): void {
  const refuse = (what: string): never => {
    throw new TypeError(`Cannot make a saga engine: ${what}`)
  }
  const { pool, store, sagas } = options
  if (!Array.isArray(sagas)) refuse('sagas must be an array of definitions')
  if (store !== undefined) return
  if (pool === undefined || pool === null) refuse('pass pool, a pg.Pool, or store')
  for (const method of ['connect', 'query', 'on']) {
    if (typeof Reflect.get(Object(pool), method) !== 'function')
      refuse(`pool must be a pg.Pool: it has no ${method}()`)
  }
}

function checkId(id: unknown): asserts id is string {
  if (typeof id === 'string' && id.length > 0 && id.length <= 500 && !id.includes('\0')) return
  throw new TypeError(
    `Cannot start a saga: its id must have 1 to 500 characters and no NUL, got "${String(id).slice(0, 50)}"`,
  )
}

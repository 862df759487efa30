import { expect, test } from 'vitest'
import { bounded } from '../level.ts'
import { planRead } from './plan.ts'
import { NOWHERE, type RedisPosition } from './position.ts'
import type { RedisNeed } from './session.ts'

const at = (offset: number, id = 'a'): RedisPosition => ({ replid: id.repeat(40), offset: BigInt(offset) })
const need = (...positions: RedisPosition[]): RedisNeed => ({ type: 'positions', positions })
const A = { replid: 'a'.repeat(40), previous: undefined }
const B = { replid: 'b'.repeat(40), previous: { replid: A.replid, end: 101n } }
const replicas = (positions: RedisPosition[], maxStaleMs = Infinity): unknown => ({
  to: 'replicas',
  wanted: { positions, maxStaleMs },
})
const primary = (reason: string, renews = false): unknown => ({ to: 'primary', reason, renews })

test('levels that ask for nothing of the session', () => {
  expect(planRead('strong', need(at(1)), A)).toEqual(primary('strong'))
  expect(planRead('eventual', need(at(1)), A)).toEqual(replicas([]))
  expect(planRead('eventual', undefined, undefined)).toEqual(replicas([]))
})

test('no session: the primary, unless the read may be old', () => {
  expect(planRead('read-your-writes', undefined, A)).toEqual(primary('no-session'))
  expect(planRead(bounded({ maxLagMs: 500 }), undefined, A)).toEqual(replicas([], 500))
})

test('a session asks for its positions, and a bounded read for them as well', () => {
  expect(planRead('monotonic', need(at(5)), A)).toEqual(replicas([at(5)]))
  expect(planRead(bounded({ maxLagMs: 500 }), need(at(5)), A)).toEqual(replicas([at(5)], 500))
})

test('after a failover: what was kept goes by its new name, what was lost means the primary', () => {
  expect(planRead('causal', need(at(100)), B)).toEqual(replicas([at(100, 'b')]))
  expect(planRead('causal', need(at(101)), B)).toEqual(primary('old-timeline', true))
  expect(planRead('causal', need(at(7, 'b'), at(101)), B)).toEqual(primary('old-timeline', true))
  expect(planRead('causal', need(at(7, 'b'), at(5)), B)).toEqual(replicas([at(7, 'b'), at(5, 'b')]))
})

test('a rejected token and a write that nobody knows where it is mean the primary, to be replaced there', () => {
  expect(planRead('causal', { type: 'primary', rejection: 'tampered' }, A)).toEqual(
    primary('token-rejected', true),
  )
  expect(planRead('causal', need(NOWHERE), A)).toEqual(primary('old-timeline', true))
})

test('while the primary was never seen, replicas are asked for what the token says', () => {
  expect(planRead('causal', need(at(5)), undefined)).toEqual(replicas([at(5)]))
})

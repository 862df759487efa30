import type { ReadYourWritesEvent } from '@quorate/read-your-writes'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { standingView } from '../api.ts'
import { watchReplicas } from './replica-watch.ts'

function watched() {
  const lines: { level: number; alert?: string; id?: string; lagMs?: number }[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  let atMs = 0
  const watch = watchReplicas(log, () => new Date(1_000 * atMs++))
  const moves = (id: string, was: Status, status: Status, ms?: number): void =>
    watch.onEvent({ type: 'replica', id, was, status, lag: ms === undefined ? undefined : { ms, bytes: 10 } })
  const alerts = (): string[] => watch.view({ replicas: [] }).alerts.map(({ kind, id }) => `${id} ${kind}`)
  return { watch, lines, moves, alerts }
}
type Status = Extract<ReadYourWritesEvent, { type: 'replica' }>['status']

test('a replica that leaves is a warning, one that comes back is not, and the newest stands first', () => {
  const { moves, lines, alerts, watch } = watched()
  moves('r1', 'unknown', 'healthy', 1)
  expect([alerts(), lines]).toEqual([[], []])
  moves('r1', 'healthy', 'lagging', 2_000.4)
  moves('r1', 'lagging', 'down')
  moves('r1', 'down', 'lagging', 900)
  moves('r1', 'lagging', 'healthy', 3)
  expect(alerts()).toEqual(['r1 readmitted', 'r1 ejected'])
  expect(watch.view({ replicas: [] }).alerts[1]).toEqual({
    kind: 'ejected',
    id: 'r1',
    status: 'lagging',
    lagMs: 2_000,
    lagBytes: 10,
    at: '1970-01-01T00:00:00.000Z',
  })
  expect(lines.map(({ level, alert, lagMs }) => [level, alert, lagMs])).toEqual([
    [40, 'ejected', 2_000],
    [30, 'readmitted', 3],
  ])
})

test('a replica that is not fit from the start is ejected', () => {
  const { moves, alerts } = watched()
  moves('r1', 'unknown', 'disconnected')
  expect(alerts()).toEqual(['r1 ejected'])
})

test('a primary that is there at first is no news; one that goes and comes back is', () => {
  const { watch, alerts } = watched()
  expect(watch.view({ replicas: [] }).primaryReachable).toBe(null)
  watch.onEvent({ type: 'primary', reachable: true })
  expect(alerts()).toEqual([])
  watch.onEvent({ type: 'primary', reachable: false })
  expect(watch.view({ replicas: [] }).primaryReachable).toBe(false)
  watch.onEvent({ type: 'primary', reachable: true })
  expect(alerts()).toEqual(['primary primary-back', 'primary primary-lost'])
})

test('only the last 20 alerts are kept, and reads are counted by who served them', () => {
  const { watch, moves } = watched()
  for (let turn = 0; turn < 15; turn++) {
    moves('r1', 'healthy', 'lagging', turn)
    moves('r1', 'lagging', 'healthy', turn)
  }
  const read = { type: 'read', level: 'monotonic', waitedMs: 0, stalenessMs: 0 } as const
  for (const target of ['r1', 'r2', 'primary']) watch.onEvent({ ...read, target, reason: undefined })
  const view = watch.view({ replicas: [{ id: 'r1', status: 'healthy', lag: { ms: 0.6, bytes: 7 } }] })
  expect(view.alerts).toHaveLength(20)
  expect(view.alerts[0]?.lagMs).toBe(14)
  expect(view.reads).toEqual({ replicas: 2, primary: 1 })
  expect(standingView.parse(view).replicas).toEqual([{ id: 'r1', status: 'healthy', lagMs: 1, lagBytes: 7 }])
})

test('what a router over Redis says can be logged, bigints and all', () => {
  const { watch, lines } = watched()
  watch.onEvent({ type: 'write', replid: 'a', offset: 5n })
  watch.onEvent({ type: 'history', replid: 'b', was: 'a', end: 2n ** 60n })
  expect(lines.map(({ level }) => level)).toEqual([40])
})

import type { History } from '../history.ts'
import type { Operation, Process, Status } from '../operation.ts'

/** What happened, event by event: `[process, 'read']` begins, `[process, 'ok', output]` ends. */
export type Event = readonly [process: Process, what: string, value?: unknown, key?: string | undefined]

/** A history from its events; what is still open at the end is unknown. */
export function historyOf(events: readonly Event[], initial?: unknown): History {
  const operations: Operation[] = []
  const open = new Map<Process, number>()
  events.forEach(([process, what, value, key], place) => {
    if (what !== 'ok' && what !== 'fail' && what !== 'unknown') {
      open.set(process, operations.length)
      operations.push({
        index: operations.length,
        process,
        op: what,
        key,
        input: value,
        status: 'unknown',
        start: place,
        end: Infinity,
      })
      return
    }
    const index = open.get(process)
    const begun = index === undefined ? undefined : operations[index]
    if (index === undefined || begun === undefined) throw new Error(`process ${process} has nothing open`)
    open.delete(process)
    const end = what === 'unknown' ? Infinity : place
    operations[index] = { ...begun, status: what satisfies Status, end, output: value }
  })
  return { operations, faults: [], realTime: true, initial }
}

/** One thing that a random process does: what it asks, and what it may be answered. */
export interface Step {
  readonly op: string
  readonly input?: unknown
  readonly output?: unknown
  readonly key?: string
}

/** Up to `size` operations of three processes, begun and ended in any order, some failed, some never ended. */
export function randomHistory(random: () => number, size: number, step: () => Step): History {
  const events: Event[] = []
  const open = new Map<number, Step>()
  let begun = 0
  let names = 3
  const processes = [0, 1, 2]
  for (let moves = 0; moves < size * 4; moves++) {
    const slot = Math.floor(random() * 3)
    const process = processes[slot] as number
    const doing = open.get(process)
    if (doing === undefined) {
      if (begun >= size) continue
      begun++
      const next = step()
      open.set(process, next)
      events.push([process, next.op, next.input, next.key])
      continue
    }
    open.delete(process)
    const draw = random()
    if (draw < 0.75) events.push([process, 'ok', doing.output])
    else if (draw < 0.88) events.push([process, 'fail'])
    else {
      events.push([process, 'unknown'])
      processes[slot] = names++ // a crashed process is not heard of again
    }
  }
  return historyOf(events)
}

// What npm has, with types: three vector clocks on plain objects and a hybrid clock.
import { createRequire } from 'node:module'
import * as thing from '@thi.ng/vclock'

export type Clocks = Record<string, number>
export type Timed = Record<string, { v: number; t: number }>
const require = createRequire(import.meta.url)

export { thing }
export const vectorclock = require('vectorclock') as {
  increment(clock: Clocks, node: string): Clocks
  compare(a: Clocks, b: Clocks): number
  merge(a: Clocks, b: Clocks): Clocks
}
export const pvclock = (
  require('pvclock') as () => {
    increment(clock: Timed, node: string): Timed
    compare(a: Timed, b: Timed): number
    merge(a: Timed, b: Timed): Timed
  }
)()
export const ConsentoHlc = require('@consento/hlc') as new () => {
  now(): unknown
  update(other: unknown): void
}

/** pvclock keeps a time beside each counter. */
export const timedClock = (clock: Clocks): Timed =>
  Object.fromEntries(Object.entries(clock).map(([id, v]) => [id, { v, t: 1_700_000_000 }]))

/** A buffer as one would write it first: after each delivery, look again at all that wait. */
export class ScanningBuffer<M extends { node: string; counter: number; deps: Clocks }> {
  readonly delivered: Clocks = {}
  waiting: M[] = []
  add(message: M): M[] {
    this.waiting.push(message)
    const out: M[] = []
    for (;;) {
      const index = this.waiting.findIndex(
        ({ node, counter, deps }) =>
          counter === (this.delivered[node] ?? 0) + 1 &&
          Object.entries(deps).every(([id, upTo]) => id === node || (this.delivered[id] ?? 0) >= upTo),
      )
      const [next] = index < 0 ? [] : this.waiting.splice(index, 1)
      if (next === undefined) return out
      this.delivered[next.node] = next.counter
      out.push(next)
    }
  }
}

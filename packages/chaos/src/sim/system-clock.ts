// The one file of the simulator that may touch the machine's timers (scripts/fences.ts). All are taken at load:
// a run traps the global ones, and a test's fake timers must not stop it.

const microtask = queueMicrotask
const tick = tickOf(globalThis)

type Tick = (callback: () => void) => void

function tickOf({ process }: { process?: { nextTick?: Tick } }): Tick | undefined {
  return typeof process?.nextTick === 'function' ? process.nextTick.bind(process) : undefined
}

/** Runs `callback` in a turn of its own: timers, I/O and whoever else lives in this process come first. */
export const nextTurn: (callback: () => void) => void = nextTurnOf()

function nextTurnOf(): (callback: () => void) => void {
  if (typeof setImmediate === 'function') {
    const immediate = setImmediate
    return (callback) => void immediate(callback)
  }
  if (typeof MessageChannel === 'function') {
    const waiting: Array<() => void> = []
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener('message', () => waiting.shift()?.())
    port1.start()
    return (callback) => {
      waiting.push(callback)
      port2.postMessage(0)
    }
  }
  const timeout = setTimeout
  return (callback) => void timeout(callback, 0)
}

/**
 * A function that has `step` called once every microtask has run, also those which microtasks queue.
 *
 * Where `process.nextTick` keeps Node's rule (a tick asked for by a microtask runs when the microtask queue is
 * empty), a drain costs about 0.1 µs; a turn of the event loop, which does the same everywhere, about 1 µs.
 */
export function drainedBefore(step: () => void): () => void {
  if (tick === undefined || !tickWaits) return () => nextTurn(step)
  const hop = (): void => tick(step)
  return () => microtask(hop)
}

let tickWaits = false
/** Resolves when it is known whether ticks wait for microtasks here; others have copied the name, not the rule. */
export const drainKnown: Promise<void> = new Promise((resolve) => {
  if (tick === undefined) {
    resolve()
    return
  }
  let queued = 0
  const chain = (): void => {
    if (++queued < 64) microtask(chain)
  }
  microtask(() => {
    microtask(chain)
    tick(() => {
      tickWaits = queued === 64
      resolve()
    })
  })
})

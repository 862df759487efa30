import { AmbientUseError } from './errors.ts'

/** What simulated code may not call, where it lives, and what to call in its place. */
interface Trap {
  readonly owner: object | undefined
  readonly member: string
  readonly name: string
  readonly instead: string
}

const CLOCK = 'use the now(), monotonic() or sleep() of the env'
const CHANCE = 'use the random() of the env'
const WORLD = 'nothing outside of the simulation can be reached; send a message to a node'

/** The run that is inside of simulated code at the moment. */
let inside: ((error: AmbientUseError) => void) | undefined

/** From here on, until {@link leave}, all code that runs is simulated. */
export function enter(onUse: (error: AmbientUseError) => void): void {
  inside = onUse
}

export function leave(): void {
  inside = undefined
}

function refuse(name: string, instead: string): void {
  if (inside === undefined) return
  const error = new AmbientUseError({ name, instead })
  inside(error) // also if the code catches what is thrown
  throw error
}

/**
 * Sets the traps, and returns what takes them out. They are wrappers that pass everything on unless simulated code
 * is running, so that a test runner which lives in the same process keeps its clock.
 */
export function setTraps(): () => void {
  const undo: Array<() => void> = []
  const replace = (owner: object, member: string, value: unknown): void => {
    const before = Object.getOwnPropertyDescriptor(owner, member)
    if (before?.configurable === false) return
    Object.defineProperty(owner, member, {
      value,
      configurable: true,
      writable: true,
      enumerable: before?.enumerable ?? true,
    })
    undo.push(() => {
      if (before === undefined) Reflect.deleteProperty(owner, member)
      else Object.defineProperty(owner, member, before)
    })
  }
  for (const { owner, member, name, instead } of ambient()) {
    if (owner === undefined) continue
    const real: unknown = Reflect.get(owner, member)
    if (typeof real !== 'function') continue
    replace(
      owner,
      member,
      trapped(real as Callable, () => refuse(name, instead)),
    )
  }
  replace(globalThis, 'Date', trappedDate(globalThis.Date))
  syncBuiltins()
  return () => {
    for (const back of undo.toReversed()) back()
    syncBuiltins()
  }
}

type Callable = (this: unknown, ...values: unknown[]) => unknown

/** A proxy keeps what else a function carries: `setTimeout[promisify.custom]`, `hrtime.bigint`, its name. */
const trapped = (real: Callable, check: () => void): Callable =>
  new Proxy(real, {
    apply: (target, self, values) => {
      check()
      return Reflect.apply(target, self, values)
    },
  })

/** `new Date(ms)` only converts; without arguments it reads the clock, and so does `Date()`. */
function trappedDate(real: DateConstructor): DateConstructor {
  return new Proxy(real, {
    construct: (target, values, self) => {
      if (values.length === 0) refuse('new Date()', CLOCK)
      return Reflect.construct(target, values, self) as object
    },
    apply: (target) => {
      refuse('Date()', CLOCK)
      return target()
    },
  })
}

function ambient(): Trap[] {
  const world = globalThis as Record<string, unknown>
  const traps: Trap[] = []
  const add = (owner: unknown, prefix: string, instead: string, members: readonly string[]): void => {
    if (typeof owner !== 'object' && typeof owner !== 'function') return
    for (const member of members)
      traps.push({ owner: owner ?? undefined, member, name: prefix + member, instead })
  }
  const timers = ['setTimeout', 'setInterval', 'setImmediate']
  add(world, '', CLOCK, [...timers, 'requestAnimationFrame', 'requestIdleCallback'])
  add(world, '', WORLD, ['fetch'])
  add(world['Date'], 'Date.', CLOCK, ['now'])
  add(world['performance'], 'performance.', CLOCK, ['now'])
  add(world['AbortSignal'], 'AbortSignal.', CLOCK, ['timeout'])
  add(world['Math'], 'Math.', CHANCE, ['random'])
  add(world['crypto'], 'crypto.', CHANCE, ['getRandomValues', 'randomUUID'])
  const node = world['process'] as NodeProcess | undefined
  if (node === undefined) return traps
  add(node, 'process.', CLOCK, ['hrtime', 'uptime'])
  add(node, 'process.', 'use queueMicrotask, or sleep() of the env', ['nextTick'])
  add(node.hrtime, 'process.hrtime.', CLOCK, ['bigint'])
  const builtin = (name: string): unknown => node.getBuiltinModule?.(name)
  add(builtin('node:timers'), 'timers.', CLOCK, timers)
  add(builtin('node:timers/promises'), 'timers/promises.', CLOCK, timers)
  add(builtin('node:crypto'), 'crypto.', CHANCE, [
    'getRandomValues',
    'randomBytes',
    'randomFill',
    'randomFillSync',
    'randomInt',
    'randomUUID',
  ])
  return traps
}

interface NodeProcess {
  readonly hrtime?: object
  readonly getBuiltinModule?: (name: string) => unknown
}

/** Lets `import { randomUUID } from 'node:crypto'` see the wrapper as well. */
function syncBuiltins(): void {
  const node = (globalThis as { process?: NodeProcess }).process
  const module = node?.getBuiltinModule?.('node:module') as { syncBuiltinESMExports?: () => void } | undefined
  module?.syncBuiltinESMExports?.()
}

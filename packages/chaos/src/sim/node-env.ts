import type { Clock, Random, SleepOptions } from '@quorate/core'
import type { DiskHost } from './disk.ts'
import { type SimEvent, WAKE } from './engine.ts'
import type { Disk, Env, Envelope, NodeId, ReceiveOptions } from './env.ts'
import type { Receiver, SimNode } from './node.ts'

export const SYNCED = 4

/** The env of one life of a node. After its crash it does nothing: waits never end, messages go nowhere. */
export class NodeEnv implements Env, DiskHost {
  readonly id: NodeId
  readonly nodes: readonly NodeId[]
  readonly clients: readonly NodeId[]
  readonly restarts: number
  readonly random: Random
  readonly #node: SimNode
  readonly #life: number
  #disk: Disk | undefined

  constructor(node: SimNode) {
    this.#node = node
    this.#life = node.life
    this.id = node.id
    this.nodes = node.host.nodes
    this.clients = node.host.clients
    this.restarts = node.restarts
    this.random = () => node.random()
  }

  get isAlive(): boolean {
    return this.#node.life === this.#life
  }

  get clock(): Clock {
    return this
  }

  get disk(): Disk {
    return (this.#disk ??= this.#node.disk.mount(this))
  }

  now(): number {
    return this.#node.nowMs()
  }

  monotonic(): number {
    return this.#node.monotonicMs()
  }

  sleep(ms: number, options?: SleepOptions): Promise<void> {
    const signal = options?.signal
    if (signal !== undefined) return this.#sleepOrAbort(ms, signal)
    if (!this.isAlive) return never()
    return new Promise((resolve) => {
      this.#wakeAfter(ms, WAKE, resolve)
    })
  }

  #sleepOrAbort(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.isAlive) return never()
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason)
        return
      }
      const onAbort = (): void => {
        if (event !== undefined) event.act = undefined
        if (this.isAlive) reject(signal.reason)
      }
      const event = this.#wakeAfter(ms, WAKE, () => {
        signal.removeEventListener('abort', onAbort)
        resolve()
      })
      signal.addEventListener('abort', onAbort, { once: true })
    })
  }

  after(delayMs: number, callback: () => void): void {
    if (this.isAlive) this.#wakeAfter(delayMs * this.#node.rate, SYNCED, callback) // a disk keeps no time of its own
  }

  get slowMs(): number {
    return this.#node.slowDiskMs
  }

  /** `ms` of this node's clock. A sleep without an end is no event. */
  #wakeAfter(ms: number, kind: number, callback: () => void): SimEvent | undefined {
    if (ms === Infinity) return undefined
    const { engine } = this.#node.host
    const delayUs = ms > 0 ? Math.ceil((ms * 1_000) / this.#node.rate) : 0
    const dueUs = this.#node.localUs + (ms > 0 ? ms * 1_000 : 0)
    return engine.plan(engine.nowUs + delayUs, kind, this.#node, wake, callback, dueUs)
  }

  send(to: NodeId, message: unknown): void {
    if (this.isAlive) this.#node.host.send(this.#node, to, message)
  }

  onMessage<M = unknown>(handler: (message: M, from: NodeId) => void | Promise<void>): void {
    if (this.isAlive) this.#node.setHandler(handler)
  }

  receive<M = unknown>({ signal }: ReceiveOptions = {}): Promise<Envelope<M>> {
    if (!this.isAlive) return never()
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason)
        return
      }
      const waiting = this.#node.take()
      if (waiting !== undefined) {
        resolve(waiting as Envelope<M>)
        return
      }
      const onAbort = (): void => {
        const index = this.#node.receivers.indexOf(receiver)
        if (index >= 0) this.#node.receivers.splice(index, 1)
        if (this.isAlive) reject(signal?.reason)
      }
      const receiver: Receiver = {
        give: (envelope) => {
          signal?.removeEventListener('abort', onAbort)
          resolve(envelope as Envelope<M>)
        },
      }
      this.#node.receivers.push(receiver)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  }

  spawn(task: () => Promise<unknown>, name = 'a task'): void {
    if (!this.isAlive) return
    const node = this.#node
    node.tasks.push(name)
    node.guard(name, task, () => {
      if (this.isAlive) node.tasks.splice(node.tasks.indexOf(name), 1)
    })
  }

  log(text: string, data?: unknown): void {
    if (this.isAlive) this.#node.host.log(this.#node, text, data)
  }
}

const wake = ({ first }: SimEvent): boolean => {
  ;(first as () => void)()
  return true
}

const never = <T>(): Promise<T> => new Promise(() => {})

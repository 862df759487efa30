import type { Random } from '@quorate/core'
import type { Disk } from './env.ts'

interface Mutation {
  readonly kind: 'write' | 'append' | 'remove'
  readonly text: string
}

interface File {
  /** What reads see. */
  text: string | undefined
  /** What is surely there after a crash. */
  durable: string | undefined
  /** Not synced, in order. */
  readonly unsynced: Mutation[]
}

/** What a node's disk needs of its node. */
export interface DiskHost {
  /** Calls back after `delayMs`, unless the node crashes before. */
  after(delayMs: number, callback: () => void): void
  /** What a slow disk adds, ms. */
  readonly slowMs: number
  /** `false` after a crash: what a program of before says no longer counts. */
  readonly isAlive: boolean
}

/** Time of an fsync without faults, ms. */
const FSYNC_MS = [0.1, 3] as const

/** The state of one disk, which outlives its node's programs. */
export class SimDisk {
  readonly #files = new Map<string, File>()
  readonly #random: () => Random

  /** @param random asked for when first needed. */
  constructor(random: () => Random) {
    this.#random = random
  }

  /** What a program of the node holds. */
  mount(host: DiskHost): Disk {
    return new MountedDisk(this, host)
  }

  read(name: string): string | undefined {
    return this.#files.get(name)?.text
  }

  names(): string[] {
    return [...this.#files].flatMap(([name, { text }]) => (text === undefined ? [] : [name])).toSorted()
  }

  mutate(name: string, mutation: Mutation): void {
    let file = this.#files.get(name)
    if (file === undefined) {
      file = { text: undefined, durable: undefined, unsynced: [] }
      this.#files.set(name, file)
    }
    file.text = apply(file.text, mutation)
    file.unsynced.push(mutation)
  }

  /** How long an fsync takes, and what makes it come true. */
  sync(name: string | undefined): { delayMs: number; finish: () => void } {
    const files = name === undefined ? [...this.#files.values()] : [this.#files.get(name)]
    const marks = files.flatMap((file) => (file === undefined ? [] : [{ file, last: file.unsynced.at(-1) }]))
    const [least, most] = FSYNC_MS
    return {
      delayMs: least + this.#random()() * (most - least),
      finish: () => {
        for (const { file, last } of marks) {
          // Another fsync may have finished first and taken some, or all, of these away.
          const count = last === undefined ? 0 : file.unsynced.indexOf(last) + 1
          for (const mutation of file.unsynced.splice(0, count)) file.durable = apply(file.durable, mutation)
        }
      },
    }
  }

  /** Loses what was not synced, or, if `mixed`, keeps the first few writes of each file, the last perhaps torn. */
  crash(mixed: boolean): void {
    for (const [name, file] of this.#files) {
      if (mixed) {
        const random = this.#random()
        const kept = Math.floor(random() * (file.unsynced.length + 1))
        for (const mutation of file.unsynced.slice(0, kept)) file.durable = apply(file.durable, mutation)
        const next = file.unsynced[kept]
        if (next !== undefined && next.text !== '') {
          const length = Math.floor(random() * next.text.length)
          if (length > 0) file.durable = apply(file.durable, { ...next, text: next.text.slice(0, length) })
        }
      }
      file.unsynced.length = 0
      file.text = file.durable
      if (file.text === undefined) this.#files.delete(name)
    }
  }
}

function apply(text: string | undefined, mutation: Mutation): string | undefined {
  switch (mutation.kind) {
    case 'write':
      return mutation.text
    case 'append':
      return (text ?? '') + mutation.text
    case 'remove':
      return undefined
    default:
      return mutation.kind satisfies never
  }
}

class MountedDisk implements Disk {
  readonly #disk: SimDisk
  readonly #host: DiskHost

  constructor(disk: SimDisk, host: DiskHost) {
    this.#disk = disk
    this.#host = host
  }

  async read(file: string): Promise<string | undefined> {
    return this.#disk.read(file)
  }

  async write(file: string, text: string): Promise<void> {
    this.#mutate(file, { kind: 'write', text: requireText('write', file, text) })
  }

  async append(file: string, text: string): Promise<void> {
    this.#mutate(file, { kind: 'append', text: requireText('append to', file, text) })
  }

  async remove(file: string): Promise<void> {
    this.#mutate(file, { kind: 'remove', text: '' })
  }

  #mutate(file: string, mutation: Mutation): void {
    if (this.#host.isAlive) this.#disk.mutate(file, mutation)
  }

  async list(): Promise<readonly string[]> {
    return this.#disk.names()
  }

  fsync(file?: string): Promise<void> {
    const { delayMs, finish } = this.#disk.sync(file)
    return new Promise((resolve) => {
      this.#host.after(delayMs + this.#host.slowMs, () => {
        finish()
        resolve()
      })
    })
  }
}

function requireText(action: string, file: string, text: unknown): string {
  if (typeof text === 'string') return text
  throw new TypeError(`Cannot ${action} file "${file}": the text must be a string, got ${typeof text}`)
}

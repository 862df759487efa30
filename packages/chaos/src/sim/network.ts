import type { Random } from '@quorate/core'
import type { Fault } from './faults.ts'
import type { NetworkOptions } from './scenario.ts'
import { streamOf } from './streams.ts'
import { requireRange } from './validate.ts'

/** Times and losses of messages between nodes, which are numbers here. */
export class Network {
  readonly #size: number
  readonly #latencyMs: readonly [number, number]
  readonly #random: Random
  readonly #loss: Random
  /** How many cuts hold, from × to. */
  readonly #cuts: Uint8Array
  /** For ordered links: when the last message arrives, from × to. */
  readonly #lastUs: Float64Array | undefined
  readonly #active = new Set<Fault>()
  #lossRate = 0
  #duplicateRate = 0
  #delayMs = 0

  constructor(size: number, seed: number, salt: number, options: NetworkOptions = {}) {
    const { latencyMs = [1, 10], ordered = false } = options
    requireRange('simulate', 'latencyMs', latencyMs[0], 0)
    requireRange('simulate', 'latencyMs', latencyMs[1], latencyMs[0])
    this.#size = size
    this.#latencyMs = latencyMs
    this.#random = streamOf(seed, 'network', salt)
    this.#loss = streamOf(seed, 'loss', salt)
    this.#cuts = new Uint8Array(size * size)
    this.#lastUs = ordered ? new Float64Array(size * size) : undefined
  }

  isCut(from: number, to: number): boolean {
    return this.#cuts[from * this.#size + to] !== 0
  }

  /** Asked once per message, and only while messages are lost, so that a fault does not shift the delays. */
  loses(): boolean {
    return this.#lossRate > 0 && this.#loss() < this.#lossRate
  }

  duplicates(): boolean {
    return this.#duplicateRate > 0 && this.#loss() < this.#duplicateRate
  }

  /** When a message that leaves now arrives. */
  arrivalUs(nowUs: number, from: number, to: number): number {
    const [least, most] = this.#latencyMs
    let ms = least + this.#random() * (most - least)
    if (this.#delayMs > 0) ms += this.#loss() * this.#delayMs
    const atUs = nowUs + Math.round(ms * 1_000)
    if (this.#lastUs === undefined) return atUs
    const link = from * this.#size + to
    const inOrderUs = Math.max(atUs, this.#lastUs[link] ?? 0)
    this.#lastUs[link] = inOrderUs
    return inOrderUs
  }

  /** A fault of the network begins or ends. */
  change(fault: Fault, begins: boolean, index: (node: string) => number): void {
    if (fault.kind === 'cut') {
      for (const from of fault.from) {
        for (const to of fault.to) {
          this.#cut(index(from), index(to), begins)
          if (fault.bothWays) this.#cut(index(to), index(from), begins)
        }
      }
      return
    }
    if (begins) this.#active.add(fault)
    else this.#active.delete(fault)
    let passes = 1
    let single = 1
    this.#delayMs = 0
    for (const one of this.#active) {
      if (one.kind === 'loss') passes *= 1 - one.rate
      else if (one.kind === 'duplicate') single *= 1 - one.rate
      else if (one.kind === 'delay') this.#delayMs += one.upToMs
    }
    this.#lossRate = 1 - passes
    this.#duplicateRate = 1 - single
  }

  #cut(from: number, to: number, begins: boolean): void {
    const link = from * this.#size + to
    this.#cuts[link] = (this.#cuts[link] ?? 0) + (begins ? 1 : -1)
  }
}

import type { Key, Process } from '../operation.ts'
import type { Edge, Violation } from '../result.ts'
import {
  COMMITTED,
  EXTERNAL,
  FROM_ABORTED,
  FUTURE,
  INTERMEDIATE,
  NOT_OWN,
  OBSERVED,
  type RegisterTransactions,
  THIN_AIR,
} from '../transactions/register-transactions.ts'
import type { Step } from './order-graph.ts'

/** Says what events and transactions did, for messages. */
export class Words {
  readonly #transactions: RegisterTransactions

  constructor(transactions: RegisterTransactions) {
    this.#transactions = transactions
  }

  key(event: number): Key | undefined {
    return this.#transactions.keys.valueOf(this.#transactions.eventKey[event]!) as Key | undefined
  }

  keyText(event: number): string {
    const key = this.key(event)
    return key === undefined || key === null ? 'the register' : String(key)
  }

  value(event: number): string {
    return text(this.#transactions.values.valueOf(this.#transactions.eventValue[event]!))
  }

  transactionOf(event: number): number {
    return this.#transactions.eventTransaction[event]!
  }

  process(transaction: number): Process {
    return this.#transactions.processes[this.#transactions.session[transaction]!]!
  }

  /** `#4 (process 2)` */
  who(transaction: number): string {
    return `#${transaction} (process ${this.process(transaction)})`
  }

  /** `read 3 from sku-1` */
  read(event: number): string {
    return `read ${this.value(event)} from ${this.keyText(event)}`
  }

  /** The last write of `event`'s key in `transaction`; -1 if there is none. */
  writeOf(transaction: number, event: number): number {
    const { eventStart, eventKey, isFinal } = this.#transactions
    for (let write = eventStart[transaction]!; write < eventStart[transaction + 1]!; write++)
      if (isFinal[write] === 1 && eventKey[write] === eventKey[event]) return write
    return -1
  }

  /** `#9 wrote 4` for the key of `event`. */
  wrote(transaction: number, event: number): string {
    const write = this.writeOf(transaction, event)
    return `#${transaction} wrote ${write < 0 ? '?' : this.value(write)}`
  }

  edge({ before, after, why, event }: Step): Edge {
    if (why === 'process')
      return {
        from: before,
        to: after,
        kind: 'process',
        because: `process ${this.process(before)} did #${before} first`,
      }
    const key = this.key(event)
    const reader = this.transactionOf(event)
    if (why === 'wr') {
      const because = `#${after} ${this.read(event)}, which #${before} wrote`
      return { from: before, to: after, kind: 'wr', key, because }
    }
    const because = `#${reader} ${this.read(event)}, which #${after} wrote, although it came after #${before}, which wrote ${this.wroteValue(before, event)}`
    return { from: before, to: after, kind: 'ww', key, because }
  }

  wroteValue(transaction: number, event: number): string {
    const write = this.writeOf(transaction, event)
    return write < 0 ? '?' : this.value(write)
  }

  /** With what proves that operations of unknown status among them happened: somebody who read from them. */
  withWitnesses(operations: Iterable<number>): number[] {
    const { status, eventTransaction, eventKind, source, readKind } = this.#transactions
    const all = new Set(operations)
    for (const operation of all) {
      if (status[operation] !== OBSERVED) continue
      let witness = -1
      for (let event = 0; event < eventKind.length; event++) {
        if (readKind[event] !== EXTERNAL || eventTransaction[source[event]!] !== operation) continue
        const reader = eventTransaction[event]!
        if (witness < 0 || all.has(reader) || (status[reader] === COMMITTED && status[witness] !== COMMITTED))
          witness = reader
        if (all.has(reader)) break
      }
      if (witness >= 0) all.add(witness) // visited by this loop as well
    }
    return [...all]
  }

  /** A read that nothing from read committed on allows. */
  badRead(event: number): Violation {
    const { readKind, source } = this.#transactions
    const reader = this.transactionOf(event)
    const write = source[event]!
    const writer = write < 0 ? -1 : this.transactionOf(write)
    const saw = `${this.who(reader)} ${this.read(event)}`
    const found = (
      name: string,
      message: string,
      operations: readonly number[],
      edges?: readonly Edge[],
    ): Violation => ({
      name,
      message: `${saw}, ${message}`,
      operations,
      key: this.key(event),
      edges,
    })
    const edge = (): readonly Edge[] => [this.edge({ before: writer, after: reader, why: 'wr', event })]
    switch (readKind[event] as number) {
      case THIN_AIR:
        return found('thin-air-read', 'which nobody wrote', [reader])
      case FROM_ABORTED:
        return found('G1a', `which #${writer} wrote, but that failed`, [reader, writer], edge())
      case INTERMEDIATE:
        return found('G1b', `which #${writer} overwrote before it ended`, [reader, writer], edge())
      case FUTURE:
        return found('future-read', 'which it wrote only later', [reader])
      case NOT_OWN:
        return found('internal', `although it had written ${this.value(write)} itself before`, [reader])
      default:
        throw new Error(`Event ${event} is not a bad read`)
    }
  }
}

/** A value in a message: short. */
export function text(value: unknown): string {
  const full = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value))
  return full.length > 60 ? `${full.slice(0, 57)}…` : full
}

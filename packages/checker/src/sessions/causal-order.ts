import type { Meter } from './meter.ts'
import type { View } from './view.ts'
import type { Writers } from './writers.ts'

/** Called for each transaction in an order that causality allows, with the places it knows of, per chain. */
type Visit = (transaction: number, clocks: Int32Array, clock: number) => void

interface CausalOrder {
  /** A vector clock per writer, `chainCount` wide: how many writers of each chain it knows of, itself included. */
  readonly clocks: Int32Array
  /** Transactions that could not be visited, because they (or what they follow) come before themselves. */
  readonly stuck: readonly number[]
}

/**
 * Walks sessions and reads (`so ∪ wr`) in causal order, with vector clocks that count writers only.
 * Each transaction costs one merge per transaction it reads from: n operations of k chains take O(n·k).
 *
 * `visit` gets the clock of a transaction as `clocks[clock … clock + chainCount - 1]`, without itself.
 */
export function walkCausally(view: View, writers: Writers, meter: Meter, visit: Visit): CausalOrder {
  const { chainCount: width, chainStart, chainTransactions, parent, from, transactions } = view
  const { eventStart, size } = transactions
  // Rows of the writers, and after them the running clock of each chain.
  meter.reserve((writers.count + width) * width * 4 + size * 5 + width * 12)
  const running = writers.count * width
  const clocks = new Int32Array((writers.count + width) * width)
  const done = new Uint8Array(size)
  const position = chainStart.slice(0, -1)
  /** Chains that wait for a transaction, as a list: `firstWaiting`, then `nextWaiting`. */
  const firstWaiting = new Int32Array(size).fill(-1)
  const nextWaiting = new Int32Array(width).fill(-1)
  const runnable: number[] = []
  const wait = (chain: number, t: number): void => {
    nextWaiting[chain] = firstWaiting[t]!
    firstWaiting[t] = chain
  }
  for (let chain = width - 1; chain >= 0; chain--)
    if (parent[chain]! < 0) runnable.push(chain)
    else wait(chain, parent[chain]!)

  for (let chain = runnable.pop(); chain !== undefined; chain = runnable.pop()) {
    const clock = running + chain * width
    const end = chainStart[chain + 1]!
    advance: while (position[chain]! < end) {
      meter.step()
      const t = chainTransactions[position[chain]!]!
      for (let event = eventStart[t]!; event < eventStart[t + 1]!; event++) {
        const writer = from[event]!
        if (writer < 0) continue
        if (done[writer] === 0) {
          wait(chain, writer)
          break advance
        }
        const row = writers.row[writer]! * width
        for (let c = 0; c < width; c++)
          if (clocks[row + c]! > clocks[clock + c]!) clocks[clock + c] = clocks[row + c]!
      }
      visit(t, clocks, clock)
      const row = writers.row[t]!
      if (row >= 0) {
        clocks[clock + chain] = row - writers.chainRow[chain]! + 1
        clocks.copyWithin(row * width, clock, clock + width)
      }
      done[t] = 1
      position[chain]!++
      for (let other = firstWaiting[t]!, following = -1; other >= 0; other = following) {
        following = nextWaiting[other]!
        if (parent[other] === t) clocks.copyWithin(running + other * width, clock, clock + width)
        runnable.push(other)
      }
    }
  }
  const stuck: number[] = []
  for (let chain = 0; chain < width; chain++)
    for (let i = position[chain]!; i < chainStart[chain + 1]!; i++) stuck.push(chainTransactions[i]!)
  return { clocks, stuck }
}

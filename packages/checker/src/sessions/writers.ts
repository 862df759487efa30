import type { Meter } from './meter.ts'
import type { View } from './view.ts'

/**
 * Who wrote what. Transactions that write are *writers*; each has a row, `0 … count - 1`, rows of one chain
 * are neighbours, and its *place* in its chain is 1, 2, 3 … among the writers of the chain.
 */
export interface Writers {
  readonly count: number
  /** Row of each transaction; -1 if it wrote nothing. */
  readonly row: Int32Array
  /** Transaction of each row. */
  readonly transaction: Int32Array
  /** Row of the first writer of each chain; `chainRow[chainCount]` is `count`. */
  readonly chainRow: Int32Array

  /** Groups `keyGroup[key] … keyGroup[key + 1] - 1` hold the writers of a key, a group per chain, in order of chains. */
  readonly keyGroup: Int32Array
  readonly groupChain: Int32Array
  /** Places of the writers of group `g`, ascending: `place[groupStart[g] … groupStart[g + 1] - 1]`. */
  readonly groupStart: Int32Array
  readonly place: Int32Array
}

export function writersOf(view: View, meter: Meter): Writers {
  const { chainCount, chainStart, chainTransactions, transactions } = view
  const { eventStart, eventKey, isFinal, size, keys } = transactions
  meter.reserve(size * 8 + keys.size * 8)
  const row = new Int32Array(size).fill(-1)
  const chainRow = new Int32Array(chainCount + 1)
  const transaction = new Int32Array(chainStart[chainCount]!)
  const perKey = new Int32Array(keys.size + 1)
  let count = 0
  for (let c = 0; c < chainCount; c++) {
    chainRow[c] = count
    for (let i = chainStart[c]!; i < chainStart[c + 1]!; i++) {
      const t = chainTransactions[i]!
      let writes = false
      for (let event = eventStart[t]!; event < eventStart[t + 1]!; event++) {
        if (isFinal[event] === 0) continue
        writes = true
        perKey[eventKey[event]! + 1]!++
      }
      if (!writes) continue
      row[t] = count
      transaction[count++] = t
    }
  }
  chainRow[chainCount] = count
  for (let key = 0; key < keys.size; key++) perKey[key + 1]! += perKey[key]!
  const total = perKey[keys.size]!
  meter.reserve(total * 12)
  const place = new Int32Array(total)
  const placeChain = new Int32Array(total)
  const next = perKey.slice(0, -1)
  for (let c = 0; c < chainCount; c++)
    for (let r = chainRow[c]!; r < chainRow[c + 1]!; r++) {
      const t = transaction[r]!
      for (let event = eventStart[t]!; event < eventStart[t + 1]!; event++) {
        if (isFinal[event] === 0) continue
        const at = next[eventKey[event]!]!++
        place[at] = r - chainRow[c]! + 1
        placeChain[at] = c
      }
    }
  let groups = 0
  for (let key = 0; key < keys.size; key++)
    for (let at = perKey[key]!; at < perKey[key + 1]!; at++)
      if (at === perKey[key]! || placeChain[at] !== placeChain[at - 1]) groups++
  meter.reserve(groups * 8)
  const groupStart = new Int32Array(groups + 1)
  const groupChain = new Int32Array(groups)
  const keyGroup = new Int32Array(keys.size + 1)
  let group = 0
  for (let key = 0; key < keys.size; key++) {
    keyGroup[key] = group
    for (let at = perKey[key]!; at < perKey[key + 1]!; at++) {
      if (at !== perKey[key]! && placeChain[at] === placeChain[at - 1]) continue
      groupStart[group] = at
      groupChain[group++] = placeChain[at]!
    }
  }
  keyGroup[keys.size] = group
  groupStart[group] = total
  return {
    count,
    row,
    transaction: transaction.subarray(0, count),
    chainRow,
    keyGroup,
    groupChain,
    groupStart,
    place,
  }
}

// Sets of ten-character keys.
import { cpuMsOf, type Sample } from '../../harness/index.ts'
import type { Maker, SetCopy } from '../peers/peer.ts'
import { randomOf } from '../traces.ts'
import { expectEqual, rateOf } from './rate.ts'

type Round = () => Sample

/** Different keys of ten characters: random letters, then the number in base 36. */
function keysOf(count: number): string[] {
  const random = randomOf(10)
  return Array.from({ length: count }, (_, index) => {
    const letters = Array.from({ length: 6 }, () => String.fromCharCode(97 + Math.floor(random() * 26)))
    return letters.join('') + index.toString(36).padStart(4, '0')
  })
}

/** Adds to empty sets of 1,000: as one batch, and with an encoded update for each. */
export function smallSet(maker: Maker<SetCopy>, isFloor: boolean): Round {
  const keys = keysOf(1_000)
  const check = (copy: SetCopy): void => expectEqual('the size', copy.size(), keys.length)
  const add = rateOf(
    () => maker.create(1, false),
    keys.length,
    (copy) => addAll(copy, keys),
    check,
  )
  if (isFloor) return () => ({ add: add() })

  let last = 0
  const send = rateOf(
    () => maker.create(1, true),
    keys.length,
    (copy) => {
      let key = ''
      const edit = (): void => copy.add(key)
      for (key of keys) {
        copy.batch(edit)
        last = copy.flush().length
      }
    },
    check,
  )
  return () => ({ add: add(), 'add, encoded': send(), 'last update': last })
}

/** Adds to an empty set of 100,000; what it takes to store it, to load it, to merge it, and what is left of it. */
export function largeSet(maker: Maker<SetCopy>, isFloor: boolean): Round {
  const keys = keysOf(150_000)
  const first = keys.slice(0, 100_000)
  const second = keys.slice(50_000)
  let mine: SetCopy | undefined
  const check = (copy: SetCopy): void => expectEqual('the size', copy.size(), first.length)
  const add = rateOf(
    () => maker.create(1, false),
    first.length,
    (copy) => addAll(copy, first),
    (copy) => {
      check(copy)
      mine = copy
    },
  )
  if (isFloor) return () => ({ add: add() })

  const theirs = maker.create(2, false)
  addAll(theirs, second)
  const other = theirs.encode()
  return () => {
    const perSecond = add()
    const copy = mine as SetCopy
    mine = undefined // or the next round would pay for a larger heap
    const bytes = copy.encode()
    const loaded = cpuMsOf(() => {
      const fresh = maker.load(bytes, 3)
      if (!fresh.has(first[0] as string)) throw new Error('The first key is not there')
      return fresh
    })
    check(loaded.result)
    const { ms: merge } = cpuMsOf(() => copy.mergeState(other))
    expectEqual('the size after the merge', copy.size(), keys.length)
    loaded.result.clear()
    expectEqual('the size after the removals', loaded.result.size(), 0)
    const emptied = loaded.result.encode().length
    return { add: perSecond, bytes: bytes.length, load: loaded.ms, merge, emptied }
  }
}

/** Two replicas that are equal, then one add apart, after 1,000 adds and 200 removals by both. */
export function almostEqualSets(maker: Maker<SetCopy>): Round {
  const keys = keysOf(1_000)
  return () => {
    const first = maker.create(1, true)
    const second = maker.create(2, true)
    const edit = (by: SetCopy, other: SetCopy, change: () => void): void => {
      by.batch(change)
      other.receive(by.flush())
    }
    for (const [index, key] of keys.entries()) {
      const [by, other] = index % 2 === 0 ? [first, second] : [second, first]
      edit(by, other, () => by.add(key))
    }
    for (let index = 0; index < keys.length; index += 5) {
      const [by, other] = index % 2 === 0 ? [second, first] : [first, second]
      edit(by, other, () => by.remove(keys[index] as string))
    }
    for (const copy of [first, second]) expectEqual('the size', copy.size(), 800)
    const equal = first.missing(second.version())
    const before = second.version()
    first.batch(() => first.add('one more 1'))
    return { equal, 'one add behind': first.missing(before) }
  }
}

function addAll(copy: SetCopy, keys: readonly string[]): void {
  copy.batch(() => {
    for (const key of keys) copy.add(key)
  })
}

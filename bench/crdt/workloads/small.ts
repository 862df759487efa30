// Counters, maps of registers, carts.
import type { Sample } from '../../harness/index.ts'
import type { CartCopy, Copy, CounterCopy, Maker, MapCopy } from '../peers/peer.ts'
import { expectEqual, rateOf } from './rate.ts'

type Round = () => Sample

const INCREMENTS = 10_000
const KEYS = 1_000
const WRITES = 10_000
const SKUS = 50
const ADDS = 1_000

/** 10,000 increments by one replica. */
export function counter(maker: Maker<CounterCopy>, isFloor: boolean): Round {
  return edits(
    maker,
    isFloor,
    INCREMENTS,
    (copy) => copy.increment(),
    (copy) => expectEqual('the value', copy.value(), INCREMENTS),
  )
}

/** 1,000 keys, written ten times each. */
export function map(maker: Maker<MapCopy>, isFloor: boolean): Round {
  const keys = Array.from({ length: KEYS }, (_, index) => `key-${String(index).padStart(6, '0')}`)
  return edits(
    maker,
    isFloor,
    WRITES,
    (copy, index) => copy.set(keys[index % KEYS] as string, index),
    (copy) => {
      for (let index = 0; index < KEYS; index++) {
        expectEqual('the last value', copy.get(keys[index] as string), WRITES - KEYS + index)
      }
    },
  )
}

/** 1,000 adds to 50 lines of a cart. */
export function cart(maker: Maker<CartCopy>, isFloor: boolean): Round {
  const skus = Array.from({ length: SKUS }, (_, index) => `sku-${String(index).padStart(4, '0')}`)
  return edits(
    maker,
    isFloor,
    ADDS,
    (copy, index) => copy.addItem(skus[index % SKUS] as string, 2),
    (copy) => {
      for (const sku of skus) expectEqual('the quantity', copy.quantity(sku), (2 * ADDS) / SKUS)
    },
  )
}

/** The edits as one batch, then with an encoded update for each, and what there is to store then. */
function edits<C extends Copy>(
  maker: Maker<C>,
  isFloor: boolean,
  count: number,
  edit: (copy: C, index: number) => void,
  check: (copy: C) => void,
): Round {
  const apply = rateOf(
    () => maker.create(1, false),
    count,
    (copy) =>
      copy.batch(() => {
        for (let index = 0; index < count; index++) edit(copy, index)
      }),
    check,
  )
  if (isFloor) return () => ({ edits: apply() })

  let last = 0
  let bytes = 0
  const few = count / 10
  const send = rateOf(
    () => maker.create(1, true),
    few,
    (copy) => {
      let index = 0
      const one = (): void => edit(copy, index)
      for (index = 0; index < few; index++) {
        copy.batch(one)
        last = copy.flush().length
      }
    },
    () => {},
  )
  return () => {
    const copy = maker.create(1, false)
    copy.batch(() => {
      for (let index = 0; index < count; index++) edit(copy, index)
    })
    bytes = copy.encode().length
    const loaded = maker.load(maker.create(1, false).encode(), 2)
    loaded.mergeState(copy.encode())
    check(loaded)
    return { edits: apply(), 'edits, encoded': send(), 'last update': last, bytes }
  }
}

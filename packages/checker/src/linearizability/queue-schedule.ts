/**
 * What is to be ordered: elements, each with the interval of its enqueue and that of its dequeue, and dequeues that
 * found nothing. Times are whole numbers; an interval that ends at t comes before one that starts after t.
 */
export interface QueueItems {
  readonly count: number
  /** Of the enqueue; of a dequeue that found nothing, its own. */
  readonly putStart: Int32Array
  readonly putEnd: Int32Array
  /** Of the dequeue; `never` for an element that stays. */
  readonly takeStart: Int32Array
  /** `never`: it need not be dequeued. */
  readonly takeEnd: Int32Array
  /** 1: a dequeue that found nothing. */
  readonly isEmpty: Uint8Array
  /** Above every other time. */
  readonly never: number
}

/** Called for each operation, in order: the enqueue of an item, or its dequeue unless it stays. */
export type Placed = (item: number, isPut: boolean) => void

/**
 * Orders them in linear time, or shows that there is no order (`false`), by the violations of Henzinger, Sezgin and
 * Vafeiadis ("Aspect-oriented linearizability proofs", 2013) and Bouajjani, Emmi, Enea and Hamza ("On reducing
 * linearizability to state reachability", 2015):
 *
 * 1. An element was dequeued before its enqueue began.
 * 2. At each moment of a dequeue that found nothing, some element was surely present: enqueued, and not yet being
 *    dequeued.
 * 3. Elements cannot be in one order: x must come before y if its enqueue, or its dequeue, was over before that of y
 *    began. Both are interval orders, so where they contradict, two elements do.
 *
 * There are no others: with a free moment for each dequeue that found nothing, as an element that is put in and taken
 * out just then, a list by 3 has moments for all. Each enqueue takes place at the latest beginning of those up to it
 * in the list, each dequeue likewise, and none is over by then.
 */
export function scheduleQueue(items: QueueItems, placed: Placed): boolean {
  const { count, putStart, putEnd, takeStart, takeEnd, isEmpty } = items
  for (let item = 0; item < count; item++) {
    if (takeEnd[item]! < putStart[item]!) return false
    putEnd[item] = Math.min(putEnd[item]!, takeEnd[item]!)
    takeStart[item] = Math.max(takeStart[item]!, putStart[item]!)
  }
  const free = freeMoments(items)
  for (let item = 0; item < count; item++) {
    if (isEmpty[item] === 0) continue
    const moment = free[putStart[item]!]!
    if (moment > putEnd[item]!) return false
    putStart[item] = putEnd[item] = takeStart[item] = takeEnd[item] = moment
  }
  const list = listOf(items)
  if (list === undefined) return false
  place(items, list, placed)
  return true
}

/** For each moment the first from then on at which no element is surely present. */
function freeMoments({ count, putEnd, takeStart, isEmpty, never }: QueueItems): Int32Array {
  const change = new Int32Array(never + 2)
  for (let item = 0; item < count; item++) {
    if (isEmpty[item] === 1 || putEnd[item]! + 1 >= takeStart[item]!) continue
    change[putEnd[item]! + 1]!++
    change[takeStart[item]!]!--
  }
  const free = new Int32Array(never + 2)
  let present = 0
  for (let moment = 0; moment <= never; moment++) {
    present += change[moment]!
    free[moment] = present
  }
  free[never + 1] = never + 1
  for (let moment = never; moment >= 0; moment--)
    free[moment] = free[moment] === 0 ? moment : free[moment + 1]!
  return free
}

/**
 * The items such that none comes before one that must precede it: the next is any that began, both ways, before
 * the first of those left is over.
 */
function listOf({ count, putStart, putEnd, takeStart, takeEnd, never }: QueueItems): Int32Array | undefined {
  const byPutStart = sortedBy(putStart, count, never)
  const byPutEnd = sortedBy(putEnd, count, never)
  const byTakeStart = sortedBy(takeStart, count, never)
  const byTakeEnd = sortedBy(takeEnd, count, never)
  const began = new Uint8Array(count)
  const isListed = new Uint8Array(count)
  const ready = new Int32Array(count)
  const list = new Int32Array(count)
  let readyCount = 0
  let [puts, takes, firstPut, firstTake] = [0, 0, 0, 0]
  for (let size = 0; size < count; size++) {
    while (isListed[byPutEnd[firstPut]!] === 1) firstPut++
    while (isListed[byTakeEnd[firstTake]!] === 1) firstTake++
    const putLimit = putEnd[byPutEnd[firstPut]!]!
    const takeLimit = takeEnd[byTakeEnd[firstTake]!]!
    for (; puts < count && putStart[byPutStart[puts]!]! <= putLimit; puts++)
      if (++began[byPutStart[puts]!]! === 2) ready[readyCount++] = byPutStart[puts]!
    for (; takes < count && takeStart[byTakeStart[takes]!]! <= takeLimit; takes++)
      if (++began[byTakeStart[takes]!]! === 2) ready[readyCount++] = byTakeStart[takes]!
    if (readyCount === 0) return undefined
    const next = ready[--readyCount]!
    isListed[next] = 1
    list[size] = next
  }
  return list
}

/** Numbers of the items, by a time. */
function sortedBy(time: Int32Array, count: number, never: number): Int32Array {
  const first = new Int32Array(never + 2)
  for (let item = 0; item < count; item++) first[time[item]! + 1]!++
  for (let moment = 0; moment <= never; moment++) first[moment + 1]! += first[moment]!
  const sorted = new Int32Array(count)
  for (let item = 0; item < count; item++) sorted[first[time[item]!]!++] = item
  return sorted
}

/** Merges enqueues and dequeues, each in the order of the list, by the moments at which they take place. */
function place(
  { count, putStart, takeStart, isEmpty, never }: QueueItems,
  list: Int32Array,
  placed: Placed,
): void {
  let puts = 0
  let putAt = 0 // the latest beginning of the enqueues up to the next one
  let takeAt = 0
  for (let takes = 0; takes < count; takes++) {
    takeAt = Math.max(takeAt, takeStart[list[takes]!]!)
    for (; puts < count; puts++) {
      putAt = Math.max(putAt, putStart[list[puts]!]!)
      if (puts > takes && putAt >= takeAt) break
      if (isEmpty[list[puts]!] === 0) placed(list[puts]!, true)
    }
    if (takeAt < never) placed(list[takes]!, false)
  }
}

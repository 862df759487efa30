// Text: recorded edits applied, stored, loaded, sent one by one, received.
import { cpuMsOf, type Sample } from '../../harness/index.ts'
import type { Maker, PeerKind, TextCopy } from '../peers/peer.ts'
import { type Patches, patchesOf, type Trace, traceOf, type TraceName } from '../traces.ts'
import { costOf, expectEqual } from './rate.ts'

type Round = (round: number) => Sample

/**
 * All edits of a trace in one batch; then what it takes to store and to load the result, to read it and to edit it once.
 *
 * @param kind a floor can only apply; the memory of WebAssembly is not on the heap.
 */
export function applyText(maker: Maker<TextCopy>, name: TraceName, kind: PeerKind): Round {
  const { patches, end } = editsOf(name)
  let copy: TextCopy | undefined
  const apply = costOf(
    () => maker.create(1, false),
    (fresh) => {
      fresh.batch(() => patchAll(fresh, patches))
      return fresh
    },
    (applied) => {
      expectEqual('the text', applied.text(), end)
      copy = kind === 'floor' ? undefined : applied
    },
  )
  if (kind === 'floor') return () => ({ apply: apply() })

  const middle = Math.floor(end.length / 2)
  let heap: number | undefined
  let bytes: Uint8Array = new Uint8Array()
  const load = costOf(
    () => bytes,
    () => {
      const loaded = maker.load(bytes, 2)
      const text = loaded.text()
      // Or what a library puts off until somebody edits would cost nothing.
      loaded.batch(() => loaded.insert(middle, '|'))
      return { loaded, text }
    },
    ({ loaded, text }) => {
      expectEqual('the loaded text', text, end)
      expectEqual('the edited text', loaded.text(), `${end.slice(0, middle)}|${end.slice(middle)}`)
    },
  )
  return (round) => {
    if (kind === 'javascript' && round === 0) {
      const first = maker.create(1, false)
      first.batch(() => patchAll(first, patches))
      const encoded = first.encode()
      heap = heapOf(() => maker.load(encoded, 2))
    }
    const ms = apply()
    bytes = copy?.encode() ?? bytes
    copy = undefined // or the next round would pay for a larger heap
    const sample = { apply: ms, bytes: bytes.length, load: load() }
    if (kind === 'wasm') return sample
    // Full collections drop machine code, see cpuMsOf: before the first work of many, or after the only one.
    heap ??= heapOf(() => maker.load(bytes, 2))
    return { ...sample, heap }
  }
}

/** Every edit makes an update that is encoded at once; another replica merges them one by one. */
export function sendText(maker: Maker<TextCopy>, name: TraceName, edits?: number): Round {
  const { patches, end } = editsOf(name, edits)
  return () => {
    const sender = maker.create(1, true)
    const updates: Uint8Array[] = []
    const { ms: send } = cpuMsOf(() => {
      let at = 0
      const edit = (): void => patchAt(sender, patches, at)
      for (; at < patches.length; at++) {
        sender.batch(edit)
        updates.push(sender.flush())
      }
    })
    expectEqual('the text', sender.text(), end)
    const receiver = maker.create(2, false)
    const { ms: receive } = cpuMsOf(() => {
      for (const update of updates) receiver.receive(update)
    })
    expectEqual('the received text', receiver.text(), end)
    return {
      send,
      receive,
      'an update': updates.reduce((sum, update) => sum + update.length, 0) / updates.length,
    }
  }
}

/** Updates of writers who wrote at the same time, merged one by one at a replica that has seen nothing. */
export function receiveConcurrent(maker: Maker<TextCopy>, name: TraceName): Round {
  const { updates, end } = updatesOf(maker, traceOf(name))
  const receive = costOf(
    () => maker.create(9, false),
    (receiver) => {
      for (const update of updates) receiver.receive(update)
      return receiver
    },
    (receiver) => expectEqual('the received text', receiver.text(), end),
  )
  const bytes = updates.reduce((sum, update) => sum + update.length, 0) / updates.length
  return () => ({ receive: receive(), 'an update': bytes })
}

/** A copy for each writer, which receives what its transaction builds on before it makes it. */
function updatesOf(
  maker: Maker<TextCopy>,
  { transactions, end }: Trace,
): { readonly updates: readonly Uint8Array[]; readonly end: string } {
  const writers = new Map<number, { readonly copy: TextCopy; readonly has: Set<number> }>()
  const updates: Uint8Array[] = []
  for (const [number, { agent, parents, patches }] of transactions.entries()) {
    const writer = writers.get(agent) ?? { copy: maker.create(agent + 1, true), has: new Set() }
    writers.set(agent, writer)
    const { copy, has } = writer
    const lacks: number[] = []
    const open = [...parents]
    for (let parent = open.pop(); parent !== undefined; parent = open.pop()) {
      if (has.has(parent)) continue // and so all before it
      has.add(parent)
      lacks.push(parent)
      open.push(...(transactions[parent]?.parents ?? []))
    }
    for (const parent of lacks.toSorted((a, b) => a - b)) copy.receive(updates[parent] as Uint8Array)
    copy.batch(() => {
      for (const [index, removed, inserted] of patches) patchOne(copy, index, removed, inserted)
    })
    updates.push(copy.flush())
    has.add(number)
  }
  return { updates, end }
}

const COPIES = 4

/** What a loaded copy holds on the heap and in buffers, MB. */
function heapOf(load: () => TextCopy): number {
  const before = usedBytes()
  const copies = Array.from({ length: COPIES }, load)
  const after = usedBytes()
  // Read after that, so that they are there till then.
  if (copies.some((copy) => copy.text() === '')) throw new Error('A loaded text is empty')
  return (after - before) / copies.length / 1e6
}

/** After two collections: the first may leave what has a finalizer. */
function usedBytes(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** The trace itself is garbage then: a large heap would cost everyone the more, the faster they are. */
function editsOf(name: TraceName, most?: number): { readonly patches: Patches; readonly end: string } {
  const trace = traceOf(name)
  const patches = patchesOf(trace, most)
  return { patches, end: most === undefined ? trace.end : spliced(patches) }
}

function patchAll(copy: TextCopy, patches: Patches): void {
  for (let at = 0; at < patches.length; at++) patchAt(copy, patches, at)
}

function patchAt(copy: TextCopy, { index, removed, inserted }: Patches, at: number): void {
  patchOne(copy, index[at] as number, removed[at] as number, inserted[at] as string)
}

function patchOne(copy: TextCopy, index: number, removed: number, inserted: string): void {
  if (removed > 0) copy.remove(index, removed)
  if (inserted !== '') copy.insert(index, inserted)
}

/** The obvious way, for short texts. */
function spliced({ length, index, removed, inserted }: Patches): string {
  let text = ''
  for (let at = 0; at < length; at++) {
    const from = index[at] as number
    text = text.slice(0, from) + (inserted[at] as string) + text.slice(from + (removed[at] as number))
  }
  return text
}

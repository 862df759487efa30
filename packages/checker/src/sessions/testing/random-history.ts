import type { History } from '../../history.ts'
import type { MicroOperation, Operation, Status } from '../../operation.ts'

export function seedMessage(seed: number, file: string, history: History): string {
  const lines = history.operations.map((o) => {
    const what =
      o.op === 'txn'
        ? JSON.stringify(o.output ?? o.input)
        : `${o.key} ${JSON.stringify(o.input)} → ${JSON.stringify(o.output)}`
    return `  #${o.index} process ${o.process}: ${o.op} ${what} ${o.status} ${o.start}–${o.end}`
  })
  return `seed ${seed}; repeat with: QUORATE_SEED=${seed} npx vitest run --project unit ${file}\n${lines.join('\n')}`
}

/** Mulberry32. */
export function randomOf(seed: number): (below: number) => number {
  let state = Math.imul(seed, 0x9e3779b1)
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return Math.floor((((x ^ (x >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

export interface Shape {
  /** Single reads and writes, or transactions of up to three steps. */
  readonly transactions: boolean
  readonly maxOperations: number
  readonly realTime: boolean
  /** Of a transaction. Default 3. */
  readonly maxSteps?: number
  /** Operations whose answer is lost. Default: some. */
  readonly unknown?: boolean
  /** Now and then a value that was written before. */
  readonly duplicates?: boolean
  /** A cas now and then. */
  readonly cas?: boolean
}

/**
 * A history of two or three processes and one to three keys. Reads return what was written before (mostly), so
 * that histories are often valid and often nearly so. Some writes fail or stay unknown, and both may be read.
 */
export function randomHistory(seed: number, shape: Shape): History {
  const random = randomOf(seed)
  const processes = 2 + random(3)
  const keys = ['x', 'y', 'z'].slice(0, 1 + random(3))
  const count = 3 + random(shape.maxOperations - 2)
  const chaos = random(3) // how far reads stray from the latest value
  const written = new Map<string, number[]>(keys.map((key) => [key, []]))
  let value = 0
  const read = (key: string): number | null => {
    const values = written.get(key)!
    if (random(60) === 0) return value + random(4) // maybe not written yet, or never
    const back = random(4) < 1 + chaos ? random(values.length + 1) : random(2)
    if (back === values.length && random(2) === 0) return values.at(-1) ?? null // the initial value less often
    return back >= values.length ? null : values[values.length - 1 - back]!
  }
  const write = (key: string): number => {
    const values = written.get(key)!
    const next =
      shape.duplicates === true && random(5) === 0 && values.length > 0
        ? values[random(values.length)]!
        : ++value
    values.push(next)
    return next
  }
  const forget = (key: string, gone: unknown): void => {
    const values = written.get(key)!
    if (values.includes(gone as number)) values.splice(values.indexOf(gone as number), 1)
  }
  const busyUntil = new Map<number, number>()
  const operations: Operation[] = []
  // Each operation takes an interval of a common time line; ties are broken below.
  for (let index = 0; index < count; index++) {
    const process = random(processes)
    const lucky = random(12)
    let status: Status = lucky === 0 ? 'fail' : lucky <= 2 && shape.unknown !== false ? 'unknown' : 'ok'
    const key = keys[random(keys.length)]!
    let what: Partial<Operation> & { op: string }
    if (shape.transactions) {
      const steps: MicroOperation[] = []
      for (let i = 1 + random(shape.maxSteps ?? 3); i > 0; i--) {
        const on = keys[random(keys.length)]!
        const own = steps.findLast((step) => step[0] === 'w' && step[1] === on)
        const blind = random(20) === 0 // to its own writes
        if (random(2) === 0) steps.push(['r', on, own === undefined || blind ? read(on) : own[2]])
        else {
          if (own !== undefined && !blind) forget(on, own[2])
          steps.push(['w', on, write(on)])
        }
      }
      const input = steps.map((step) => (step[0] === 'r' ? ['r', step[1], null] : step))
      what = status === 'ok' ? { op: 'txn', input, output: steps } : { op: 'txn', input }
    } else if (shape.cas === true && random(5) === 0) {
      what = { op: 'cas', key, input: [read(key), write(key)], output: random(6) > 0 }
    } else if (random(2) === 0) {
      what = { op: 'read', key, output: read(key) }
      if (status === 'unknown') status = 'ok'
    } else what = { op: 'write', key, input: write(key) }
    if (status === 'fail' && random(4) > 0) {
      if (Array.isArray(what.input))
        for (const step of what.input as unknown[]) if (Array.isArray(step)) forget(String(step[1]), step[2])
      forget(key, what.op === 'cas' ? (what.input as unknown[])[1] : what.input)
    }
    const start = Math.max(busyUntil.get(process) ?? 0, index * 10 - random(shape.realTime ? 25 : 1))
    const end = start + 1 + random(30)
    busyUntil.set(process, end + 1)
    operations.push({ index, process, status, start, end, ...what })
  }
  const places = operations.flatMap(({ index, start, end }) => [
    { index, at: start, isEnd: 0 },
    { index, at: end, isEnd: 1 },
  ])
  // In one process an operation ends before the next begins, whatever its length.
  places.sort((a, b) => a.at - b.at || b.isEnd - a.isEnd || a.index - b.index)
  const placed = operations.map((operation) => ({ ...operation, start: 0, end: 0 }))
  places.forEach(({ index, isEnd }, place) => {
    if (isEnd === 0) placed[index]!.start = place
    else placed[index]!.end = operations[index]!.status === 'unknown' ? Infinity : place
  })
  placed.sort((a, b) => a.start - b.start)
  return {
    operations: placed.map((operation, index) => ({ ...operation, index })),
    faults: [],
    realTime: shape.realTime,
  }
}

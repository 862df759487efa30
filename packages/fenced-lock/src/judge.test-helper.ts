import { checkLinearizable, type CheckResult, fencedMutex, type History, type Model } from '@quorate/checker'

/** A row that only a holder of the lock writes. */
interface Row {
  readonly token: number
  readonly value: unknown
}

/**
 * What a guard promises: no write with a lower token after one with a higher one. `write` has the input
 * `[token, value]`, `read` the output `value`.
 */
export function guardedRow(): Model<Row> {
  return {
    name: 'guarded-row',
    init: () => ({ token: 0, value: null }),
    step(row, { op, input, output }) {
      if (op === 'read') return output === row.value ? row : undefined
      const [token, value] = input as readonly [number, unknown]
      return token >= row.token ? { token, value } : undefined
    },
    key: ({ token, value }) => `${token} ${String(value)}`,
    describe: ({ token, value }) => `${String(value)}, written with token ${token}`,
    isRead: ({ op }) => op === 'read',
  }
}

/** The operations on one thing, judged by themselves. */
export function only(history: History, ...ops: readonly string[]): History {
  const operations = history.operations
    .filter(({ op }) => ops.includes(op))
    .map((operation, index) => ({ ...operation, index }))
  return { ...history, operations }
}

/** Each grant has a higher token than every grant before it. */
export const judgeTokens = (history: History): CheckResult =>
  checkLinearizable(only(history, 'acquire', 'release'), fencedMutex({ expires: true }))

/** Nobody gets the lock while another one may believe that it has it. */
export const judgeExclusion = (history: History): CheckResult =>
  checkLinearizable(only(history, 'acquire', 'release'), fencedMutex())

/** Guarded writes are in the order of their tokens, and none is lost. */
export const judgeWrites = (history: History): CheckResult =>
  checkLinearizable(only(history, 'write', 'read'), guardedRow())

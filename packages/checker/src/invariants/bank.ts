import { HistoryContentError } from '../errors.ts'
import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import type { CheckResult } from '../result.ts'
import { at, type InvariantOptions, mustBeNamed, numberOf, Report } from './report.ts'

/** Options of {@link checkBank}. */
export interface BankOptions extends InvariantOptions {
  /** What all balances must add up to. Default: the sum of `history.initial` if it holds balances, else of the first read. */
  readonly total?: number | undefined
  /** Names of all accounts. Default: those of the first read. */
  readonly accounts?: readonly (string | number)[] | undefined
  /** May an account be overdrawn? Default `false`. */
  readonly negativeBalances?: boolean | undefined
}

/**
 * Money only moves: every `read` of all balances (an object, or a list of `[account, balance]`) adds up to the
 * same total, shows every account, and none below zero. `transfer`s are not looked at: what they should have
 * done is the business of the isolation checks.
 *
 * @throws HistoryContentError for an operation other than `transfer` and `read`, a read of another shape, or a balance that is no whole number.
 */
export function checkBank(history: History, options: BankOptions = {}): CheckResult {
  const promise = 'bank'
  mustBeNamed(history, promise, ['transfer', 'read'])
  const report = new Report(promise, options)
  let [total, reads] = [options.total, 0]
  let accounts = options.accounts === undefined ? undefined : new Set(options.accounts.map(String))
  const { initial } = history
  if (typeof initial === 'object' && initial !== null && !Array.isArray(initial)) {
    const balances = Object.entries(initial)
    if (balances.every(([, balance]) => typeof balance === 'number')) {
      total ??= balances.reduce((sum, [, balance]) => sum + balance, 0)
      accounts ??= new Set(balances.map(([account]) => account))
    }
  }
  for (const read of history.operations) {
    if (read.op !== 'read' || read.status !== 'ok') continue
    reads++
    const balances = balancesOf(read)
    accounts ??= new Set(balances.keys())
    const sum = [...balances.values()].reduce((a, b) => a + b, 0)
    total ??= sum
    const add = (name: string, message: string): void => {
      report.add({ name, message: `${at(read)} ${message}`, operations: [read.index] })
    }
    const missing = [...accounts].filter((account) => !balances.has(account))
    const strange = [...balances.keys()].filter((account) => accounts?.has(account) !== true)
    const overdrawn = [...balances].filter(([, balance]) => balance < 0)
    if (missing.length > 0) add('missing-account', `did not see ${missing.join(', ')}`)
    if (strange.length > 0) add('unexpected-account', `saw ${strange.join(', ')}, which should not exist`)
    if (missing.length === 0 && strange.length === 0 && sum !== total) {
      add('wrong-total', `saw ${sum} in all, ${Math.abs(sum - total)} too ${sum > total ? 'much' : 'little'}`)
    }
    if (overdrawn.length > 0 && options.negativeBalances !== true) {
      add(
        'negative-balance',
        `saw ${overdrawn.map(([account, balance]) => `${account} at ${balance}`).join(', ')}`,
      )
    }
  }
  const unknown = reads === 0 ? 'the balances were never read' : undefined
  return report.result({ operations: history.operations.length, reads }, unknown)
}

function balancesOf(read: Operation): Map<string, number> {
  const { output } = read
  const balances = new Map<string, number>()
  const put = (account: unknown, balance: unknown): void => {
    balances.set(String(account), numberOf(read, balance, `the balance of ${String(account)}`))
  }
  if (Array.isArray(output)) {
    for (const entry of output as unknown[]) {
      if (!Array.isArray(entry) || entry.length !== 2) throw shapeError(read)
      put(entry[0], entry[1])
    }
  } else if (typeof output === 'object' && output !== null) {
    for (const [account, balance] of Object.entries(output)) put(account, balance)
  } else throw shapeError(read)
  return balances
}

const shapeError = ({ index, line }: Operation): HistoryContentError =>
  new HistoryContentError(index, 'a read must see an object or list of balances', line)

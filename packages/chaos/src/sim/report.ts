import type { Failure, HistoryEntry } from './history.ts'
import { describe } from './lanes.ts'
import { formatFault } from './plan-codec.ts'

/** More of the history would hide the rest of the message. */
const MAX_OPERATIONS = 20
const MAX_TEXT = 200

/** A failure for people: what, the smallest run, and the one line that repeats it. */
export function describeFailure(failure: Failure, command = 'npx vitest run'): string {
  const { scenario, kind, message, found, run, line, shrinkRuns } = failure
  const { stats, history, faults, seed } = run
  const shrunk =
    shrinkRuns === 0
      ? ''
      : `, shrunk in ${shrinkRuns} runs from ${count(found.operations, 'operation')} and ${count(found.faults, 'fault')}`
  return [
    `Simulation "${scenario}" failed at seed ${seed} (${kind}): ${message}`,
    '',
    `${count(stats.operations, 'operation')}, ${count(stats.faults, 'fault')}, ${count(stats.messages, 'message')}${shrunk}:`,
    ...history.slice(0, MAX_OPERATIONS).map((entry) => `  ${describeEntry(entry)}`),
    ...(history.length > MAX_OPERATIONS ? [`  and ${history.length - MAX_OPERATIONS} more`] : []),
    ...faults.map((fault) => `  fault ${formatFault(fault)}`),
    '',
    `Replay: QUORATE_SIM='${scenario} ${line}' ${command}`,
    `or: (await replay(scenario, '${line}')).trace`,
  ].join('\n')
}

function describeEntry({ on, call, status, output, startMs, endMs }: HistoryEntry): string {
  const answer = status === 'ok' ? (output === undefined ? 'ok' : brief(output)) : status
  const end = endMs === Infinity ? 'never' : `${endMs} ms`
  return `${on} ${brief(call)} → ${answer}, ${startMs} ms to ${end}`
}

/** Long values would hide the rest as well. */
function brief(value: unknown): string {
  const text = describe(value)
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT)}… (${text.length} characters)`
}

const count = (amount: number, thing: string): string => `${amount} ${thing}${amount === 1 ? '' : 's'}`

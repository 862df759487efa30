import type { DraftFault, HistoryBuilder } from './history-builder.ts'

export interface NemesisEvent {
  readonly name: string
  readonly value: unknown
  readonly place: number
  readonly timeMs?: number | undefined
}

/** Names that end what others began. Jepsen has no rule for them; these are the ones of its own nemeses. */
const ENDS = /^(stop|heal|recover|resume|reset|restore|repair|fast|join|thaw)(-|$)/
/** `start` ends one of these if it is open; else it begins something itself. */
const UNTIL_START: readonly string[] = ['kill', 'crash', 'stop']

/**
 * Turns what a nemesis did into faults. It is written twice, when it began and when it was done, both times as
 * `:info`: a fault goes from the first line of what broke something to the last line of what healed it.
 */
export function recordNemesis(events: readonly NemesisEvent[], builder: HistoryBuilder): void {
  const open: OpenFaults = new Map()
  for (let i = 0; i < events.length; i++) {
    const began = events[i] as NemesisEvent
    const next = events[i + 1]
    const done = next?.name === began.name ? next : began
    if (done !== began) i++
    const ended = endedBy(began.name, open)
    if (ended === undefined) {
      const name = began.name.replace(/^start-/, '')
      const fault: DraftFault = {
        name,
        targets: targetsIn(began.value ?? done.value),
        start: began.place,
        end: Infinity,
        startMs: began.timeMs,
        detail: typeof done.value === 'string' ? done.value : undefined,
      }
      const same = open.get(name)
      if (same === undefined) open.set(name, [fault])
      else same.push(fault)
      builder.faults.push(fault)
    } else
      for (const name of ended) {
        for (const fault of open.get(name) ?? []) {
          fault.end = done.place
          fault.endMs = done.timeMs
        }
        open.delete(name)
      }
  }
}

/** By name, so that healing takes no longer than breaking did. */
type OpenFaults = Map<string, DraftFault[]>

/** Names of the open faults that it ends; `undefined` if it begins one. */
function endedBy(name: string, open: OpenFaults): readonly string[] | undefined {
  if (name === 'start') {
    const stopped = UNTIL_START.filter((one) => open.has(one))
    return stopped.length > 0 ? stopped : undefined
  }
  if (!ENDS.test(name)) return undefined
  const of = name.slice(name.indexOf('-') + 1)
  if (name.includes('-') && open.has(of)) return [of]
  if (open.size === 0 && name === 'stop') return undefined
  return [...open.keys()]
}

function targetsIn(value: unknown): string[] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return Object.keys(value).slice(0, 100)
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string').slice(0, 100) : []
}

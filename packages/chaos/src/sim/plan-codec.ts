import { ReplayLineError } from './errors.ts'
import type { Fault } from './faults.ts'
import type { Plan, PlannedOperation } from './plan.ts'

/** `v1:seed=7;salt=2;ops=0,3+0;faults=crash(r1)@120+300,cut(c1>r2.r3)@5+40`, or less where defaults do. */
export function formatPlan({ seed, salt = 0, operations, faults }: Plan): string {
  const parts = [`seed=${seed}`]
  if (salt !== 0) parts.push(`salt=${salt}`)
  if (operations !== undefined) parts.push(`ops=${operations.map(formatOperation).join(',')}`)
  if (faults !== undefined) parts.push(`faults=${faults.map(formatFault).join(',')}`)
  return `v1:${parts.join(';')}`
}

/** @throws ReplayLineError if this is no such line. */
export function parsePlan(line: string): Plan {
  const refuse = (detail: string): never => {
    throw new ReplayLineError({ line, detail })
  }
  if (!line.startsWith('v1:')) return refuse('it does not start with "v1:"')
  let plan: Plan | undefined
  for (const part of line.slice(3).split(';')) {
    const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(part) ?? []
    if (plan === undefined) {
      if (name !== 'seed') refuse('the seed does not come first')
      plan = { seed: whole(value) ?? refuse(`"${value}" is no seed`) }
    } else if (name === 'salt') plan = { ...plan, salt: whole(value) ?? refuse(`"${value}" is no salt`) }
    else if (name === 'ops')
      plan = {
        ...plan,
        operations: list(value).map((text) => parseOperation(text) ?? refuse(`"${text}" is no operation`)),
      }
    else if (name === 'faults')
      plan = {
        ...plan,
        faults: list(value).map((text) => parseFault(text) ?? refuse(`"${text}" is no fault`)),
      }
    else refuse(`"${part}" is not known`)
  }
  return plan ?? refuse('it is empty')
}

const list = (text: string): string[] => (text === '' ? [] : text.split(/,(?![^(]*\))/))

const formatOperation = ({ index, afterMs }: PlannedOperation): string =>
  afterMs === undefined ? String(index) : `${index}+${afterMs}`

function parseOperation(text: string): PlannedOperation | undefined {
  const [, first = '', wait] = /^(\d+)(?:\+([\d.e-]+))?$/.exec(text) ?? []
  const index = whole(first)
  const afterMs = wait === undefined ? undefined : number(wait)
  if (index === undefined || (wait !== undefined && afterMs === undefined)) return undefined
  return afterMs === undefined ? { index } : { index, afterMs }
}

/** `kind(what)@at+for` */
export function formatFault(fault: Fault): string {
  return `${fault.kind}(${formatTarget(fault)})@${fault.atMs}+${fault.forMs}`
}

function formatTarget(fault: Fault): string {
  switch (fault.kind) {
    case 'cut':
      return `${fault.from.join('&')}${fault.bothWays ? '|' : '>'}${fault.to.join('&')}`
    case 'crash':
      return fault.mixed ? `${fault.node},mixed` : fault.node
    case 'pause':
      return fault.node
    case 'loss':
    case 'duplicate':
      return String(fault.rate)
    case 'delay':
      return String(fault.upToMs)
    case 'skew':
    case 'slow-disk':
      return `${fault.node},${fault.byMs}`
    case 'drift':
      return `${fault.node},${fault.ppm}`
    default:
      return fault satisfies never
  }
}

function parseFault(text: string): Fault | undefined {
  const [, kind, target = '', at = '', length = ''] =
    /^([a-z-]+)\(([^()]*)\)@([\d.e-]+)\+([\d.e-]+)$/.exec(text) ?? []
  const atMs = number(at)
  const forMs = number(length)
  if (atMs === undefined || forMs === undefined) return undefined
  const window = { atMs, forMs }
  const [node = '', second = ''] = target.split(',')
  const amount = signed(second)
  switch (kind) {
    case 'cut': {
      const [, from, arrow, to] = /^([^|>]+)([|>])([^|>]+)$/.exec(target) ?? []
      if (from === undefined || to === undefined) return undefined
      return { ...window, kind, from: from.split('&'), to: to.split('&'), bothWays: arrow === '|' }
    }
    case 'crash':
      return second === '' || second === 'mixed'
        ? { ...window, kind, node, mixed: second === 'mixed' }
        : undefined
    case 'pause':
      return { ...window, kind, node }
    case 'loss':
    case 'duplicate': {
      const rate = number(target)
      return rate === undefined ? undefined : { ...window, kind, rate }
    }
    case 'delay': {
      const upToMs = number(target)
      return upToMs === undefined ? undefined : { ...window, kind, upToMs }
    }
    case 'skew':
    case 'slow-disk':
      return amount === undefined ? undefined : { ...window, kind, node, byMs: amount }
    case 'drift':
      return amount === undefined ? undefined : { ...window, kind, node, ppm: amount }
    case undefined:
    default:
      return undefined
  }
}

function whole(text: string): number | undefined {
  const value = number(text)
  return value !== undefined && Number.isSafeInteger(value) ? value : undefined
}

function number(text: string): number | undefined {
  const value = signed(text)
  return value !== undefined && value >= 0 ? value : undefined
}

function signed(text: string): number | undefined {
  const value = Number(text)
  return text !== '' && Number.isFinite(value) ? value : undefined
}

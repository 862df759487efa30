import type { NodeId } from './env.ts'
import type { Fault } from './faults.ts'
import { formatFault } from './plan-codec.ts'

/**
 * Faults that a person wrote, or a line of another day, may not fit.
 *
 * @throws RangeError for an unknown node, and for numbers that make no sense.
 */
export function checkFaults(faults: readonly Fault[], known: (id: NodeId) => boolean): void {
  for (const fault of faults) {
    const refuse = (why: string): never => {
      throw new RangeError(`Cannot simulate ${formatFault(fault)}: ${why}`)
    }
    for (const id of nodesOf(fault)) if (!known(id)) refuse(`there is no node "${id}"`)
    if (!isNumber(fault.atMs, 0) || !isNumber(fault.forMs, 0))
      refuse('its times must be finite numbers from 0')
    const wrong = wrongAmount(fault)
    if (wrong !== undefined) refuse(wrong)
  }
}

function nodesOf(fault: Fault): readonly NodeId[] {
  if (fault.kind === 'cut') return [...fault.from, ...fault.to]
  return 'node' in fault ? [fault.node] : []
}

function wrongAmount(fault: Fault): string | undefined {
  switch (fault.kind) {
    case 'loss':
    case 'duplicate':
      return isNumber(fault.rate, 0) && fault.rate <= 1 ? undefined : 'its rate must be from 0 to 1'
    case 'delay':
      return isNumber(fault.upToMs, 0) ? undefined : 'its delay must be a finite number from 0'
    case 'slow-disk':
      return isNumber(fault.byMs, 0) ? undefined : 'its delay must be a finite number from 0'
    case 'skew':
      return isNumber(fault.byMs, -Infinity) ? undefined : 'its skew must be finite'
    case 'drift':
      return isNumber(fault.ppm, -999_999) ? undefined : 'its drift must be above -1000000 and finite'
    case 'cut':
    case 'crash':
    case 'pause':
      return undefined
    default:
      return fault satisfies never
  }
}

const isNumber = (value: number, least: number): boolean => Number.isFinite(value) && value >= least

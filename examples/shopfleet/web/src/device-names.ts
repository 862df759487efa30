import { labelOf } from '../../src/device/cart-device.ts'
import type { MergedChange } from '../../src/device/changes.ts'

export const DEVICES = ['phone', 'laptop'] as const
export type DeviceName = (typeof DEVICES)[number]

/** Whose edit it was, in the page's words. */
export function writerOf({ by, change }: MergedChange): string {
  const label = by === undefined ? '' : labelOf(by)
  if (label === 'phone' || label === 'laptop') return `the ${label}`
  if (by === undefined) return 'several devices'
  return change < 0 ? 'an order' : 'another page'
}

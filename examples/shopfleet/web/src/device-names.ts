import { labelOf } from '../../src/device/cart-device.ts'
import type { MergedChange } from '../../src/device/changes.ts'

export const DEVICES = ['phone', 'laptop'] as const
export type DeviceName = (typeof DEVICES)[number]

/** Whose edit it was, in the page's words. @param own the names that the devices of this page edit under. */
export function writerOf({ by, change }: MergedChange, own: readonly string[]): string {
  if (by === undefined) return 'several devices'
  const label = labelOf(by)
  const isDevice = DEVICES.some((device) => device === label)
  if (isDevice) return own.includes(by) ? `the ${label}` : `another ${label}`
  return change < 0 ? 'an order' : 'another page'
}

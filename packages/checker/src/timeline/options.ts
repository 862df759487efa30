import type { History } from '../history.ts'
import type { Key } from '../operation.ts'
import type { CheckResult } from '../result.ts'
import { buildPicture } from './picture/build-picture.ts'
import type { Picture, View } from './picture/picture.ts'
import { showValue } from './picture/text.ts'

export interface TimelineOptions {
  /** Default: the name of the history, or `History`. */
  readonly title?: string | undefined
  /**
   * How many operations are drawn, at least 1. Of a longer history, the picture shows those that the violation
   * is made of and what happened around them, and says how many are left out. Default 2,000; with 10,000 a page
   * takes about a second to open.
   */
  readonly maxOperations?: number | undefined
  /**
   * - `order`: events at equal distances, each label readable; how long something took does not count. The default.
   * - `ms`: in proportion to time, long quiet stretches cut short. If an operation has no `startMs`, `order` is used.
   *
   * In the page, the reader can change it.
   */
  readonly axis?: 'order' | 'ms' | undefined
  /**
   * Show only operations of this key. Default: the key of the counterexample, if there is one, else all.
   * In the page, the reader can change it.
   */
  readonly key?: Key | undefined
  /** Which of `result.violations` to show, from 0, the default. In the page, the reader can change it. */
  readonly violation?: number | undefined
}

/** A picture, and how it is looked at first. */
export interface Prepared {
  readonly picture: Picture
  readonly view: View
}

export function prepare(
  history: History,
  result: CheckResult | undefined,
  { maxOperations = 2_000, axis = 'order', key, violation = 0 }: TimelineOptions,
): Prepared {
  if (!(maxOperations >= 1)) throw new RangeError(`maxOperations is ${maxOperations}, must be at least 1`)
  if (axis !== 'order' && axis !== 'ms') throw new TypeError(`axis is ${String(axis)}, must be order or ms`)
  if (!(violation >= 0)) throw new RangeError(`violation is ${violation}, must be 0 or more`)
  const wanted = key ?? result?.counterexample?.key
  const picture = buildPicture(history, result, maxOperations, wanted)
  const ofKey = wanted === undefined ? -1 : picture.keys.indexOf(String(wanted))
  if (key !== undefined && ofKey < 0)
    throw new RangeError(`key is ${showValue(key)}, which no operation of the history has`)
  return {
    picture,
    view: {
      axis: picture.hasMs ? axis : 'order',
      zoom: 1,
      key: picture.keys.length > 1 ? ofKey : -1,
      finding: Math.min(violation, picture.findings.length - 1),
      minWidth: 0,
    },
  }
}

import { catchRejections } from './rejections.ts'
import { setTraps } from './traps.ts'

let last: Promise<unknown> = Promise.resolve()

/**
 * Does `work` with the traps set, after all that was asked for before: there is one global clock, so only one
 * simulation can have it at a time.
 */
export function exclusively<T>(work: () => Promise<T>): Promise<T> {
  const mine = last.then(async () => {
    const removeTraps = setTraps()
    const releaseRejections = catchRejections()
    try {
      return await work()
    } finally {
      removeTraps()
      releaseRejections()
    }
  })
  last = mine.catch(() => {})
  return mine
}

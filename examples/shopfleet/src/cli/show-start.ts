import type { StartProgress } from '../shop.ts'
import type { Screen } from './screen.ts'

/** Shows a start as it happens: what is made or fetched, then servers and services as they become ready. */
export function showStart(screen: Screen): (progress: StartProgress) => void {
  return (progress) => {
    if (progress.phase === 'preparing') screen.print(`  ${progress.detail} …`)
    else screen.progress(progress.phase.padEnd(9), progress.done, progress.total)
  }
}

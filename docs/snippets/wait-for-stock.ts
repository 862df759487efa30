// #region code
import { type Clock, systemClock } from '@quorate/core'

export interface WaitOptions {
  readonly clock?: Clock
  readonly signal?: AbortSignal
}

/** Asks every second, for a minute, whether the mug is back. */
export async function waitForStock(ask: () => Promise<boolean>, options: WaitOptions = {}): Promise<boolean> {
  const { clock = systemClock, signal } = options
  const deadlineMs = clock.monotonic() + 60_000
  while (clock.monotonic() < deadlineMs) {
    if (await ask()) return true
    await clock.sleep(1_000, { signal })
  }
  return false
}
// #endregion code

import { systemClock } from '@quorate/core'
import { ShopAnswerError } from './shop-client.ts'

export interface Patience {
  readonly signal?: AbortSignal | undefined
  /** After which customers come back to a shop that is "temporarily unavailable", ms. Default 1,000. */
  readonly comeBackMs?: number | undefined
}

/** How often a customer comes back to a shop that is "temporarily unavailable". */
export const MAX_ATTEMPTS = 20
const COME_BACK_MS = 1_000

/**
 * Asks again for what was answered 503, as customers do who were told to. Only for what may be asked twice.
 *
 * @param refused hears of each 503.
 * @throws ShopAnswerError if the shop is unavailable for too long, or answered something else.
 */
export async function comeBack<T>(
  { signal, comeBackMs = COME_BACK_MS }: Patience,
  ask: () => Promise<T>,
  refused?: () => void,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof ShopAnswerError) || error.status !== 503 || attempt === MAX_ATTEMPTS) throw error
      refused?.()
      await systemClock.sleep(comeBackMs, { signal })
    }
  }
}

/** Waits that long. @throws `signal.reason` when aborted. */
export function pause({ signal, comeBackMs = COME_BACK_MS }: Patience): Promise<void> {
  return systemClock.sleep(comeBackMs, { signal })
}

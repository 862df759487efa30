import { checkCausal } from '../sessions/check-causal.ts'
import type { Entry } from './entry.ts'

/** Transactions, and what a session may rely on. */
export const ISOLATION: readonly Entry[] = [
  {
    name: 'causal',
    about: 'causes are seen before their effects',
    run: (history, options) => checkCausal(history, options),
  },
]

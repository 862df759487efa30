import {
  checkBank,
  checkCausalReverse,
  checkConvergence,
  checkCounterBounds,
  checkExactlyOnce,
  checkLongFork,
  checkNoOversell,
  checkSet,
  checkSetFull,
  checkTotalQueue,
  checkUniqueIds,
  checkUnorderedQueue,
} from '../invariants/index.ts'
import type { Entry } from './entry.ts'

/** What must be true of a history as a whole. */
export const INVARIANTS: readonly Entry[] = [
  { name: 'bank', about: 'money is moved, never made or lost', run: (history) => checkBank(history) },
  {
    name: 'set-final-read',
    aliases: ['set-final'],
    about: 'what was added is in the last read',
    run: (history) => checkSet(history),
  },
  {
    name: 'set-full',
    about: 'what was added stays in every later read',
    run: (history) => checkSetFull(history),
  },
  {
    name: 'unordered-queue',
    about: 'nothing comes out that was not put in',
    run: (history) => checkUnorderedQueue(history),
  },
  { name: 'total-queue', about: 'all that was put in comes out', run: (history) => checkTotalQueue(history) },
  {
    name: 'counter-bounds',
    about: 'reads between what was added for sure and at most',
    run: (history) => checkCounterBounds(history),
  },
  { name: 'unique-ids', about: 'no id is given out twice', run: (history) => checkUniqueIds(history) },
  {
    name: 'long-fork',
    about: 'no two readers see writes in opposite orders',
    run: (history) => checkLongFork(history),
  },
  {
    name: 'causal-reverse',
    about: 'no write is seen before those that ended before it began',
    run: (history) => checkCausalReverse(history),
  },
  {
    name: 'convergence',
    about: 'all replicas agree in the end',
    run: (history) => checkConvergence(history),
  },
  {
    name: 'no-oversell',
    about: 'no more is taken than there is',
    run: (history) => checkNoOversell(history),
  },
  { name: 'exactly-once', about: 'each request has one effect', run: (history) => checkExactlyOnce(history) },
]

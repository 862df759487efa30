import {
  casRegister,
  checkLinearizable,
  counter,
  fencedMutex,
  kv,
  type Model,
  multiRegister,
  mutex,
  queue,
  register,
  set,
} from '../linearizability/index.ts'
import type { Entry } from './entry.ts'

function entry<S>(
  name: string,
  about: string,
  model: () => Model<S>,
  aliases: readonly string[] = [],
): Entry {
  return { name, about, aliases, run: (history, options) => checkLinearizable(history, model(), options) }
}

/** Objects that should behave as if each operation took effect at one instant between its call and its return. */
export const LINEARIZABLE: readonly Entry[] = [
  entry('register', 'read, write', () => register()),
  entry('cas-register', 'read, write, cas', () => casRegister()),
  entry('multi-register', 'txn of reads and writes', () => multiRegister()),
  entry('mutex', 'acquire, release', () => mutex(), ['lock']),
  entry('fenced-mutex', 'acquire that answers a token, release', () => fencedMutex(), ['fenced-lock']),
  entry('kv', 'get, put, append, delete, cas, by key', () => kv(), ['kv-append']),
  entry('set', 'add, read', () => set()),
  entry('queue', 'enqueue, dequeue, first in, first out', () => queue(), ['fifo-queue']),
  entry('counter', 'add, read', () => counter()),
]

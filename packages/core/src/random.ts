import { hashText } from './hash.ts'

/** Uniform numbers in [0, 1), the contract of `Math.random`. */
export type Random = () => number

/**
 * Random numbers that are a pure function of their seed, for tests and simulations; not for secrets.
 * sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, period at least 2^32, 53-bit results.
 *
 * @param seed any string or number; equal seeds give equal sequences.
 *
 * @example
 * ```ts
 * seededRandom(42)() === seededRandom(42)() // true
 * ```
 */
export function seededRandom(seed: number | string): Random {
  const text = String(seed)
  let a = hashText(text, 0x811c9dc5)
  let b = hashText(text, 0x9e3779b9)
  let c = hashText(text, 0x85ebca6b)
  let counter = 1
  const next = (): number => {
    const out = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + out) | 0
    return out >>> 0
  }
  for (let round = 0; round < 12; round++) next()
  return () => ((next() >>> 5) * 0x4000000 + (next() >>> 6)) / 0x20000000000000
}

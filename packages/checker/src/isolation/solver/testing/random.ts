/** Repeatable chance (mulberry32), for tests. */
export function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

/** Does QUORATE_SEED ask for a single seed? */
export const oneSeed: boolean = process.env['QUORATE_SEED'] !== undefined

/** The seeds of a test: `count` of them, or only the one in QUORATE_SEED. */
export function seeds(count: number): readonly number[] {
  const only = process.env['QUORATE_SEED']
  return only === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(only)]
}

export function seedMessage(seed: number, file: string): string {
  return `seed ${seed}; repeat with: QUORATE_SEED=${seed} npx vitest run --project unit ${file}`
}

/** FNV-1a over UTF-16 units, with a basis and a multiplier of choice, then {@link finalize}d. */
export function hashText(text: string, basis: number, multiplier = 0x01000193): number {
  let hash = basis
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), multiplier)
  }
  return finalize(hash)
}

/** Finalizer of MurmurHash3 (Appleby): every input bit changes every output bit with chance 1/2. */
export function finalize(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}

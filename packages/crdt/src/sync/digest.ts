/**
 * A number for bytes, from 0 to 2^53 − 1: the same for the same bytes, and for others another one but once in 2^53. To
 * tell two states apart whose versions are equal; no proof against somebody who looks for a collision.
 *
 * Two lanes, each multiplied for every byte as FNV-1a does (Fowler, Noll, Vo), then mixed as MurmurHash3 ends (Appleby).
 */
export function digestOf(bytes: Uint8Array): number {
  let low = 0x811c9dc5
  let high = 0xcbf29ce4 ^ bytes.length
  for (const byte of bytes) {
    low = Math.imul(low ^ byte, 0x01000193)
    // Rotated, so that the two lanes do not collide together.
    high = Math.imul(((high << 13) | (high >>> 19)) ^ byte, 0x85ebca6b)
  }
  return mix(high ^ low) * 2 ** 21 + (mix(low) >>> 11)
}

function mix(lane: number): number {
  const first = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b)
  const second = Math.imul(first ^ (first >>> 13), 0xc2b2ae35)
  return (second ^ (second >>> 16)) >>> 0
}

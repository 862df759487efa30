import type { Position } from './position.ts'

/** Signs and checks; each key has an id, so that keys can change while tokens are out. */
export interface TokenSigner {
  /** Id of the key that signs now, {@link KEY_ID_BYTES} bytes. */
  readonly keyId: Uint8Array
  /** @returns {@link MAC_BYTES} bytes, by the key that signs now. */
  sign(bytes: Uint8Array): Uint8Array
  /** Is there a key of this id? */
  knows(keyId: Uint8Array): boolean
  /** In constant time. False also for a key that is not known. */
  verify(keyId: Uint8Array, bytes: Uint8Array, mac: Uint8Array): boolean
}

export const KEY_ID_BYTES = 3
/** HMAC-SHA-256 cut to its first half (RFC 2104, section 5). */
export const MAC_BYTES = 16

/** Databases that one token can hold positions of; the one that moved longest ago makes room. */
export const MAX_POSITIONS = 4

/**
 * The wire form, base64url of
 *
 * | bytes    | what                                           |
 * | -------- | ---------------------------------------------- |
 * | 1        | version, 1                                     |
 * | 3        | key id                                         |
 * | 4        | when it was issued, seconds since 1970         |
 * | 20 for each of 1 to 4 clusters                            ||
 * | 8        | cluster, big-endian                            |
 * | 4        | timeline                                       |
 * | 8        | log position                                   |
 * | 16 at the end, the MAC over the bytes before              ||
 */
const VERSION = 1
const ISSUED_AT = 1 + KEY_ID_BYTES
const POSITIONS_AT = ISSUED_AT + 4
const POSITION_BYTES = 8 + 4 + 8
const MAX_BYTES = POSITIONS_AT + MAX_POSITIONS * POSITION_BYTES + MAC_BYTES
const MAX_CHARS = Math.ceil((MAX_BYTES * 4) / 3)

/** What a token says. */
export interface TokenContent {
  /** One for each cluster, the one that moved last at the end. */
  readonly positions: readonly Position[]
  readonly issuedAtMs: number
}

/**
 * Why a token was not taken: `expired` by its age, `unknown-key` if no secret has made it (any more),
 * `tampered` if its signature is wrong, `malformed` if it is no token.
 */
export type TokenRejection = 'malformed' | 'tampered' | 'unknown-key' | 'expired'

/** @param content has 1 to {@link MAX_POSITIONS} positions. */
export function encodeToken({ positions, issuedAtMs }: TokenContent, signer: TokenSigner): string {
  const bodyBytes = POSITIONS_AT + positions.length * POSITION_BYTES
  const bytes = new Uint8Array(bodyBytes + MAC_BYTES)
  const view = new DataView(bytes.buffer)
  bytes[0] = VERSION
  bytes.set(signer.keyId, 1)
  view.setUint32(ISSUED_AT, Math.floor(issuedAtMs / 1_000))
  for (const [index, { cluster, timeline, lsn }] of positions.entries()) {
    const at = POSITIONS_AT + index * POSITION_BYTES
    view.setBigUint64(at, BigInt(cluster))
    view.setUint32(at + 8, timeline)
    view.setBigUint64(at + 12, lsn)
  }
  bytes.set(signer.sign(bytes.subarray(0, bodyBytes)), bodyBytes)
  return toBase64Url(bytes)
}

/** Never throws: a token comes from outside. Its age is for the caller to judge. */
export function decodeToken(
  token: string,
  signer: TokenSigner,
):
  | { readonly content: TokenContent; readonly rejected?: undefined }
  | { readonly rejected: TokenRejection; readonly content?: undefined } {
  const bytes = token.length <= MAX_CHARS ? fromBase64Url(token) : undefined
  const count = ((bytes?.length ?? 0) - POSITIONS_AT - MAC_BYTES) / POSITION_BYTES
  if (bytes === undefined || bytes[0] !== VERSION || !Number.isInteger(count) || count < 1) {
    return { rejected: 'malformed' }
  }
  const keyId = bytes.subarray(1, ISSUED_AT)
  const body = bytes.subarray(0, bytes.length - MAC_BYTES)
  if (!signer.knows(keyId)) return { rejected: 'unknown-key' }
  if (!signer.verify(keyId, body, bytes.subarray(body.length))) return { rejected: 'tampered' }
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const positions = Array.from({ length: count }, (_, index) => {
    const at = POSITIONS_AT + index * POSITION_BYTES
    return {
      cluster: view.getBigUint64(at).toString(),
      timeline: view.getUint32(at + 8),
      lsn: view.getBigUint64(at + 12),
    }
  })
  return { content: { positions, issuedAtMs: view.getUint32(ISSUED_AT) * 1_000 } }
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}

function fromBase64Url(text: string): Uint8Array | undefined {
  // A rest of one character is no byte: `atob` would throw.
  if (!/^[\w-]*$/.test(text) || text.length % 4 === 1) return undefined
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
}

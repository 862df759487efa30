import { fromBase64Url, toBase64Url } from './node/base64url.ts'

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

/**
 * Why a token was not taken: `expired` by its age, `unknown-key` if no secret has made it (any more),
 * `tampered` if its signature is wrong, `malformed` if it is no token.
 */
export type TokenRejection = 'malformed' | 'tampered' | 'unknown-key' | 'expired'

/**
 * What a token speaks of; the first byte of each. It is signed as well: with one secret for several stores,
 * the token of one is never taken for that of another.
 */
export const TOKEN_KINDS = { postgres: 1, redis: 2, window: 3 } as const

/**
 * The wire form, base64url of
 *
 * | bytes | what                                   |
 * | ----- | -------------------------------------- |
 * | 1     | kind                                   |
 * | 3     | key id                                 |
 * | 4     | when it was issued, seconds since 1970 |
 * | n     | content                                |
 * | 16    | MAC over the bytes before              |
 */
const ISSUED_AT = 1 + KEY_ID_BYTES
const CONTENT_AT = ISSUED_AT + 4

/** @param content at most what {@link openToken} is told. */
export function sealToken(
  kind: number,
  content: Uint8Array,
  issuedAtMs: number,
  signer: TokenSigner,
): string {
  const bodyBytes = CONTENT_AT + content.length
  const bytes = new Uint8Array(bodyBytes + MAC_BYTES)
  bytes[0] = kind
  bytes.set(signer.keyId, 1)
  new DataView(bytes.buffer).setUint32(ISSUED_AT, Math.floor(issuedAtMs / 1_000))
  bytes.set(content, CONTENT_AT)
  bytes.set(signer.sign(bytes.subarray(0, bodyBytes)), bodyBytes)
  return toBase64Url(bytes)
}

/** Never throws: a token comes from outside. */
export function openToken(
  kind: number,
  token: string,
  maxContentBytes: number,
  signer: TokenSigner,
):
  | { readonly content: Uint8Array; readonly issuedAtMs: number; readonly rejected?: undefined }
  | { readonly rejected: TokenRejection; readonly content?: undefined; readonly issuedAtMs?: undefined } {
  const maxChars = Math.ceil(((CONTENT_AT + maxContentBytes + MAC_BYTES) * 4) / 3)
  const bytes = token.length <= maxChars ? fromBase64Url(token) : undefined
  if (bytes === undefined || bytes.length < CONTENT_AT + MAC_BYTES || bytes[0] !== kind) {
    return { rejected: 'malformed' }
  }
  const keyId = bytes.subarray(1, ISSUED_AT)
  const body = bytes.subarray(0, bytes.length - MAC_BYTES)
  if (!signer.knows(keyId)) return { rejected: 'unknown-key' }
  if (!signer.verify(keyId, body, bytes.subarray(body.length))) return { rejected: 'tampered' }
  const issuedAtMs = new DataView(bytes.buffer, bytes.byteOffset).getUint32(ISSUED_AT) * 1_000
  return { content: body.subarray(CONTENT_AT), issuedAtMs }
}

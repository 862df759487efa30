import { KEY_ID_BYTES, MAC_BYTES, type TokenRejection, type TokenSigner } from './token.ts'

/**
 * What a token speaks of; the first byte of each. It is signed as well: with one secret for several stores,
 * the token of one is never taken for that of another. 1 are positions in the log of Postgres (token.ts).
 */
export const TOKEN_KINDS = { redis: 2, window: 3 } as const

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

import type { Position } from './position.ts'

/** Signs and checks; each key has an id, so that keys can change while tokens are out. */
export interface TokenSigner {
  /** Id of the key that signs now, {@link KEY_ID_BYTES} bytes. */
  readonly keyId: Uint8Array
  /** @returns {@link MAC_BYTES} bytes, by the key that signs now. */
  sign(bytes: Uint8Array): Uint8Array
  /** In constant time. False also for a key that is not known. */
  verify(keyId: Uint8Array, bytes: Uint8Array, mac: Uint8Array): boolean
}

export const KEY_ID_BYTES = 3
/** HMAC-SHA-256 cut to its first half (RFC 2104, section 5). */
export const MAC_BYTES = 16

/**
 * The wire form, base64url of
 *
 * | bytes | what                        |
 * | ----- | --------------------------- |
 * | 1     | version, 1                  |
 * | 3     | key id                      |
 * | 8     | cluster, big-endian         |
 * | 4     | timeline                    |
 * | 8     | log position                |
 * | 16    | MAC over the bytes before   |
 */
const VERSION = 1
const CLUSTER_AT = 1 + KEY_ID_BYTES
const BODY_BYTES = CLUSTER_AT + 8 + 4 + 8
const TOKEN_BYTES = BODY_BYTES + MAC_BYTES
const TOKEN_CHARS = Math.ceil((TOKEN_BYTES * 4) / 3)

/** Why a token was not taken. */
export type TokenRejection = 'malformed' | 'tampered'

export function encodeToken({ cluster, timeline, lsn }: Position, signer: TokenSigner): string {
  const bytes = new Uint8Array(TOKEN_BYTES)
  const view = new DataView(bytes.buffer)
  bytes[0] = VERSION
  bytes.set(signer.keyId, 1)
  view.setBigUint64(CLUSTER_AT, BigInt(cluster))
  view.setUint32(CLUSTER_AT + 8, timeline)
  view.setBigUint64(CLUSTER_AT + 12, lsn)
  bytes.set(signer.sign(bytes.subarray(0, BODY_BYTES)), BODY_BYTES)
  return toBase64Url(bytes)
}

/** Never throws: a token comes from outside. */
export function decodeToken(
  token: string,
  signer: TokenSigner,
):
  | { readonly position: Position; readonly rejected?: undefined }
  | { readonly rejected: TokenRejection; readonly position?: undefined } {
  const bytes = token.length === TOKEN_CHARS ? fromBase64Url(token) : undefined
  if (bytes === undefined || bytes.length !== TOKEN_BYTES || bytes[0] !== VERSION)
    return { rejected: 'malformed' }
  const body = bytes.subarray(0, BODY_BYTES)
  if (!signer.verify(bytes.subarray(1, CLUSTER_AT), body, bytes.subarray(BODY_BYTES))) {
    return { rejected: 'tampered' }
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  return {
    position: {
      cluster: view.getBigUint64(CLUSTER_AT).toString(),
      timeline: view.getUint32(CLUSTER_AT + 8),
      lsn: view.getBigUint64(CLUSTER_AT + 12),
    },
  }
}

function toBase64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}

function fromBase64Url(text: string): Uint8Array | undefined {
  if (!/^[\w-]*$/.test(text)) return undefined
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
}

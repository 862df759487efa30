import { openToken, sealToken, TOKEN_KINDS, type TokenRejection, type TokenSigner } from '../signed-bytes.ts'
import { NOWHERE, type RedisPosition } from './position.ts'

/** 20 bytes of replication id, 8 of offset. */
const REPLID_BYTES = 20
const POSITION_BYTES = REPLID_BYTES + 8

/** Histories that one token can hold points of: each failover ends one, so several are rare. */
export const MAX_POSITIONS = 4

/** What a token says. */
export interface RedisTokenContent {
  readonly positions: readonly RedisPosition[]
  readonly issuedAtMs: number
}

/** More positions than a token can hold mean the primary. */
export function encodeRedisToken({ positions, issuedAtMs }: RedisTokenContent, signer: TokenSigner): string {
  const held = positions.length > MAX_POSITIONS ? [NOWHERE] : positions
  const bytes = new Uint8Array(held.length * POSITION_BYTES)
  const view = new DataView(bytes.buffer)
  for (const [index, { replid, offset }] of held.entries()) {
    const at = index * POSITION_BYTES
    for (let byte = 0; byte < REPLID_BYTES; byte++) {
      bytes[at + byte] = Number.parseInt(replid.slice(2 * byte, 2 * byte + 2), 16)
    }
    view.setBigUint64(at + REPLID_BYTES, offset)
  }
  return sealToken(TOKEN_KINDS.redis, bytes, issuedAtMs, signer)
}

/** Never throws: a token comes from outside. Its age is for the caller to judge. */
export function decodeRedisToken(
  token: string,
  signer: TokenSigner,
):
  | { readonly content: RedisTokenContent; readonly rejected?: undefined }
  | { readonly rejected: TokenRejection; readonly content?: undefined } {
  const opened = openToken(TOKEN_KINDS.redis, token, MAX_POSITIONS * POSITION_BYTES, signer)
  const { content, issuedAtMs, rejected } = opened
  if (rejected !== undefined) return { rejected }
  const count = content.length / POSITION_BYTES
  if (!Number.isInteger(count) || count < 1) return { rejected: 'malformed' }
  const view = new DataView(content.buffer, content.byteOffset)
  const positions = Array.from({ length: count }, (_, index) => {
    const at = index * POSITION_BYTES
    const id = content.subarray(at, at + REPLID_BYTES)
    const replid = Array.from(id, (byte) => byte.toString(16).padStart(2, '0')).join('')
    return { replid, offset: view.getBigUint64(at + REPLID_BYTES) }
  })
  return { content: { positions, issuedAtMs } }
}

import type { Position } from './position.ts'
import { openToken, sealToken, TOKEN_KINDS, type TokenRejection, type TokenSigner } from './signed-bytes.ts'

/** Databases that one token can hold positions of; the one that moved longest ago makes room. */
export const MAX_POSITIONS = 4

/** What a token says. */
export interface TokenContent {
  /** One for each cluster, the one that moved last at the end. */
  readonly positions: readonly Position[]
  readonly issuedAtMs: number
}

/** A cluster, its timeline and the log position: 8, 4 and 8 bytes, big-endian. */
const POSITION_BYTES = 8 + 4 + 8

/** @param content has 1 to {@link MAX_POSITIONS} positions. */
export function encodeToken({ positions, issuedAtMs }: TokenContent, signer: TokenSigner): string {
  const bytes = new Uint8Array(positions.length * POSITION_BYTES)
  const view = new DataView(bytes.buffer)
  for (const [index, { cluster, timeline, lsn }] of positions.entries()) {
    const at = index * POSITION_BYTES
    view.setBigUint64(at, BigInt(cluster))
    view.setUint32(at + 8, timeline)
    view.setBigUint64(at + 12, lsn)
  }
  return sealToken(TOKEN_KINDS.postgres, bytes, issuedAtMs, signer)
}

/** Never throws: a token comes from outside. Its age is for the caller to judge. */
export function decodeToken(
  token: string,
  signer: TokenSigner,
):
  | { readonly content: TokenContent; readonly rejected?: undefined }
  | { readonly rejected: TokenRejection; readonly content?: undefined } {
  const opened = openToken(TOKEN_KINDS.postgres, token, MAX_POSITIONS * POSITION_BYTES, signer)
  if (opened.rejected !== undefined) return { rejected: opened.rejected }
  const { content, issuedAtMs } = opened
  const count = content.length / POSITION_BYTES
  if (!Number.isInteger(count) || count < 1) return { rejected: 'malformed' }
  const view = new DataView(content.buffer, content.byteOffset)
  const positions = Array.from({ length: count }, (_, index) => {
    const at = index * POSITION_BYTES
    return {
      cluster: view.getBigUint64(at).toString(),
      timeline: view.getUint32(at + 8),
      lsn: view.getBigUint64(at + 12),
    }
  })
  return { content: { positions, issuedAtMs } }
}

import { shown } from '../check-options.ts'
import { attachSession } from '../http/request-session.ts'
import type { Session } from '../session.ts'
import type { SessionRouter } from '../session-router.ts'

/** The key that carries the token both ways. */
export const SESSION_METADATA_KEY = 'quorate-session'

/** The part of `Metadata` of `@grpc/grpc-js` that is used here. */
export interface MetadataLike {
  get(key: string): readonly (string | Uint8Array)[]
  set(key: string, value: string): void
  clone(): MetadataLike
}

/** What both sides must agree on. */
export interface GrpcOptions {
  /** Default {@link SESSION_METADATA_KEY}; another one is for the second database of an application. */
  readonly metadataKey?: string | undefined
}

/**
 * The session that a call brings along; for servers that have no interceptors.
 *
 * @param key whose call it is.
 */
export function sessionFromMetadata(
  db: SessionRouter,
  metadata: MetadataLike,
  { metadataKey = SESSION_METADATA_KEY, key }: GrpcOptions & { readonly key?: string | undefined } = {},
): Session {
  const session = db.session({ key, token: tokensOf(metadata, metadataKey) })
  attachSession(metadata, session)
  return session
}

/** The tokens in metadata. A binary value is none. */
export function tokensOf(metadata: MetadataLike, metadataKey: string): string[] {
  return metadata.get(metadataKey).filter((value) => typeof value === 'string' && value !== '') as string[]
}

/** The same metadata with the token; the caller's own may be in use for other calls. */
export function withToken<M extends MetadataLike>(metadata: M, metadataKey: string, token: string): M {
  const copy = metadata.clone() as M
  copy.set(metadataKey, token)
  return copy
}

/** @throws TypeError for a key that gRPC would refuse with each call, or would take for binary. */
export function checkMetadataKey(action: string, metadataKey: string): void {
  if (/^[0-9a-z_.-]+$/.test(metadataKey) && !metadataKey.endsWith('-bin')) return
  throw new TypeError(
    `Cannot ${action}: metadataKey must be of lower-case letters, digits, _, - and ., and not end in -bin, got '${metadataKey}'`,
  )
}

/** @throws TypeError unless `grpc` has the class that the interceptor is made with. */
export function checkModule(action: string, grpc: unknown, member: string): void {
  if (typeof (grpc as Partial<Record<string, unknown>> | null | undefined)?.[member] === 'function') return
  throw new TypeError(
    `Cannot ${action}: grpc must be a module with ${member}, got ${shown(grpc)}; pass that of @grpc/grpc-js, 1.10 or later`,
  )
}

/** Addresses of a primary and its replicas, or why there are none. */
export type SharedServer =
  | { readonly url: string; readonly replicaUrls: readonly string[] }
  | { readonly error: string }

/** What the global set-up hands to the test files. */
export interface SharedServers {
  readonly postgres: SharedServer
  readonly redis: SharedServer
}

declare module 'vitest' {
  interface ProvidedContext {
    quorateServers: SharedServers
  }
}

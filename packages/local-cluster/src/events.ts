/** What a cluster does, in the order it happens. */
export type ClusterEvent =
  /** Something is made or fetched that the next start will find ready. */
  | { readonly type: 'preparing'; readonly what: 'redis' | 'postgres' | 'template'; readonly detail: string }
  /** A server is ready; `started` of `total` are. */
  | {
      readonly type: 'server-ready'
      readonly server: string
      readonly port: number
      readonly started: number
      readonly total: number
    }
  /** Everything is up and replicating. */
  | { readonly type: 'ready'; readonly servers: number; readonly elapsedMs: number }
  /** A replica became the primary. */
  | { readonly type: 'promoted'; readonly group: string; readonly server: string }
  /** A server's data was thrown away and copied from its primary. */
  | { readonly type: 'cloned'; readonly server: string; readonly reason: string }
  /** A server ended that nobody had asked to. */
  | {
      readonly type: 'server-exited'
      readonly server: string
      readonly exitCode: number | undefined
      readonly exitSignal: string | undefined
    }
  /** Everything is gone. */
  | { readonly type: 'stopped' }

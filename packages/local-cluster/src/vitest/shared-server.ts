import { afterAll, inject } from 'vitest'
import type { SharedServers } from './shared.ts'

/**
 * The run's shared server of one engine.
 *
 * @throws Error when the global set-up is missing or could not start it.
 */
export function sharedServer(engine: keyof SharedServers): { url: string; replicaUrls: readonly string[] } {
  const servers = inject('quorateServers') as SharedServers | undefined
  if (servers === undefined) {
    throw new Error(
      `Cannot make a test ${engine}: the shared servers do not run; ` +
        `add '@quorate/local-cluster/vitest/global-setup' to globalSetup in the vitest config`,
    )
  }
  const server = servers[engine]
  if ('error' in server) throw new Error(server.error)
  return server
}

/** Calls `clear` when the test file is done. */
export function whenFileEnds(clear: () => Promise<void>): void {
  try {
    afterAll(clear)
  } catch {
    // Called from within a test or a hook, where no more hooks can be added. The servers of the run go
    // away at its end and take with them what is left.
  }
}

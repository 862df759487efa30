#!/usr/bin/env node
import { isQuorateError, systemClock } from '@quorate/core'
import { type CliRequest, HELP, parseCommandLine, UsageError } from './cli-options.ts'
import type { ClusterEvent } from './events.ts'
import type { Group } from './groups.ts'
import { localCluster, type LocalCluster } from './local-cluster.ts'

const print = (text: string): void => void process.stdout.write(`${text}\n`)
const tell = (text: string): void => void process.stderr.write(`${text}\n`)

/** The longest sleep there is: ended only by its signal. */
const FOR_EVER_MS = Number.MAX_SAFE_INTEGER

// No await up here: the CommonJS build has none.
void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code
})

/** @returns the exit code: 0 after Ctrl-C, 1 if the servers do not start, 2 for a wrong command line. */
async function main(args: readonly string[]): Promise<number> {
  let request: CliRequest
  try {
    request = parseCommandLine(args)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    tell(error.message)
    return 2
  }
  if (request.type === 'help') {
    print(HELP.trimEnd())
    return 0
  }
  const signal = whenAskedToEnd()
  try {
    const options = { ...request.options, signal, onEvent: showProgress(request.json) }
    await using cluster: LocalCluster = await localCluster(options)
    print(request.json ? asJson(cluster) : asTable(cluster))
    await systemClock.sleep(FOR_EVER_MS, { signal }).catch(() => {})
    if (!request.json) tell('Stopping')
  } catch (error) {
    if (signal.aborted) return 130
    const isUsers = error instanceof TypeError || error instanceof RangeError || isQuorateError(error)
    if (!isUsers) throw error
    tell(error.message)
    return error instanceof TypeError || error instanceof RangeError ? 2 : 1
  }
  return 0
}

/** Aborted by Ctrl-C or a request to end. The second one ends at once, and the watchdog clears up. */
function whenAskedToEnd(): AbortSignal {
  const asked = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (asked.signal.aborted) process.exit(130)
      asked.abort()
    })
  }
  return asked.signal
}

function showProgress(quiet: boolean): (event: ClusterEvent) => void {
  return (event) => {
    if (quiet) return
    if (event.type === 'preparing') tell(`Preparing ${event.what}: ${event.detail}`)
    if (event.type === 'server-ready') tell(`Started ${event.started} of ${event.total}: ${event.server}`)
    if (event.type === 'ready') tell(`Ready in ${Math.round(event.elapsedMs)} ms`)
    if (event.type === 'server-exited')
      tell(`${event.server} ended by itself (${String(event.exitSignal ?? event.exitCode)})`)
  }
}

type AnyGroup = Group<{ url: string }, readonly { url: string }[]>

function addressesOf(
  groups: Readonly<Record<string, AnyGroup>>,
): Record<string, { primary: string; replicas: string[] }> {
  const entries = Object.entries(groups).map(([name, { primary, replicas }]) => {
    return [name, { primary: primary.url, replicas: replicas.map(({ url }) => url) }] as const
  })
  return Object.fromEntries(entries)
}

function asJson(cluster: LocalCluster): string {
  const { postgres, redis, dir } = cluster
  return JSON.stringify({ postgres: addressesOf(postgres), redis: addressesOf(redis), dir })
}

function asTable(cluster: LocalCluster): string {
  const groups = [...Object.values<AnyGroup>(cluster.postgres), ...Object.values<AnyGroup>(cluster.redis)]
  const rows = groups.flatMap(({ name, primary, replicas }) => [
    [`${name} primary`, primary.url],
    ...replicas.map(({ url }, at) => [`${name} replica-${at + 1}`, url]),
  ])
  const width = Math.max(...rows.map(([label = '']) => label.length))
  const lines = rows.map(([label = '', url = '']) => `${label.padEnd(width)}  ${url}`)
  return `${lines.join('\n')}\n\nData and logs: ${cluster.dir}\nCtrl-C ends all of it`
}

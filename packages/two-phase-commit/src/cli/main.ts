import { isQuorateError } from '@quorate/core'
import manifest from '../../package.json' with { type: 'json' }
import { createCoordinator } from '../coordinator.ts'
import type { Coordinator } from '../coordinator-api.ts'
import { coLocated, type Participants, separateLog, type TransactionStatus } from '../options.ts'
import type { PgPool } from '../postgres/port.ts'
import { type Arguments, argumentsOf, HELP, UsageError } from './arguments.ts'

/** What the program needs of the world. */
export interface Io {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
  readonly env: Readonly<Record<string, string | undefined>>
  /** Opens a pool of a few connections. */
  readonly connect: (url: string) => PgPool & { end(): Promise<unknown> }
}

/** Exit codes, and what they say. */
export const EXIT = { ok: 0, left: 1, usage: 64, unavailable: 69 } as const

/** The `two-phase-commit` program. Resolves to the exit code. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    const asked = argumentsOf(argv, io.env)
    if (asked.command.type === 'help' || asked.command.type === 'version') {
      io.stdout.write(asked.command.type === 'help' ? HELP : `${manifest.version}\n`)
      return EXIT.ok
    }
    return await withCoordinator(asked, io)
  } catch (error) {
    const isUsage = error instanceof UsageError || error instanceof RangeError || error instanceof TypeError
    io.stderr.write(`two-phase-commit: ${error instanceof Error ? error.message : String(error)}\n`)
    const { cause } = error instanceof Error ? error : {}
    if (isQuorateError(error) && cause instanceof Error) io.stderr.write(`  ${reasonOf(cause)}\n`)
    return isUsage ? EXIT.usage : EXIT.unavailable
  }
}

/** Where a name has several addresses, as `localhost` often has, the error says nothing itself. */
function reasonOf(cause: Error): string {
  if (cause.message !== '' || !(cause instanceof AggregateError)) return cause.message
  return cause.errors.map((one) => (one instanceof Error ? one.message : String(one))).join('; ')
}

/** Pools and coordinator are there for one command. */
async function withCoordinator(asked: Arguments, io: Io): Promise<number> {
  const pools: { end(): Promise<unknown> }[] = []
  const connect = (url: string): PgPool => {
    const pool = io.connect(url)
    pools.push(pool)
    return pool
  }
  try {
    const participants = Object.fromEntries(
      [...asked.participants].map(([name, url]) => [name, connect(url)]),
    )
    await using coordinator = createCoordinator<Participants>({
      participants,
      log: 'url' in asked.log ? separateLog(connect(asked.log.url)) : coLocated(asked.log.participant),
      name: 'cli',
      schema: asked.schema,
      timeoutMs: asked.timeoutMs,
      recoverEveryMs: Infinity,
      maxParticipants: Math.max(asked.participants.size, 2),
    })
    return await run(asked, coordinator, io)
  } finally {
    await Promise.all(pools.map((pool) => pool.end()))
  }
}

async function run(
  { command, json }: Arguments,
  coordinator: Coordinator<Participants>,
  io: Io,
): Promise<number> {
  const print = (value: unknown, text: () => string): void =>
    void io.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : text())
  if (command.type === 'resolve') {
    const { id, decision, force, note } = command
    const told = await coordinator.resolve(id, decision, { force, note })
    print(
      { id, decision, participants: told },
      () => `${decision} ${id}: told ${told.join(', ') || 'nobody, it is prepared nowhere'}\n`,
    )
    return EXIT.ok
  }
  if (command.type === 'recover') return recover(coordinator, print)
  const all = await coordinator.status()
  print(all, () => table(all))
  return all.some(({ prepared }) => prepared.length > 0) ? EXIT.left : EXIT.ok
}

async function recover(
  coordinator: Coordinator<Participants>,
  print: (value: unknown, text: () => string) => void,
): Promise<number> {
  const report = await coordinator.recover()
  const { recovered, left, unreachable, elsewhere } = report
  const all = unreachable.length > 0 ? [] : await coordinator.status()
  const prepared = all.filter((one) => one.prepared.length > 0).length
  print({ ...report, prepared }, () => {
    const notes = [
      `${recovered} ended, ${left} left`,
      ...(elsewhere ? ['another coordinator recovers at the moment'] : []),
      ...(prepared > left ? [`${prepared - left} prepared so lately that they may go on`] : []),
      ...(unreachable.length > 0 ? [`no answer from ${unreachable.join(', ')}`] : []),
    ]
    return `${notes.join('; ')}\n`
  })
  return left === 0 && prepared === 0 && unreachable.length === 0 ? EXIT.ok : EXIT.left
}

function table(all: readonly TransactionStatus[]): string {
  if (all.length === 0) return 'nothing is prepared, and nothing is on record\n'
  const rows = all.map(({ id, decision, prepared, ageMs }) => [
    id,
    decision ?? '-',
    prepared.join(', ') || '-',
    `${(ageMs / 1_000).toFixed(1)} s`,
  ])
  const lines = [['transaction', 'on record', 'prepared on', 'age'], ...rows]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}

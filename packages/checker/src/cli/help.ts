import { KINDS } from './checks.ts'

const models = KINDS.map(([kind, entries]) =>
  [
    `  ${kind}:`,
    ...entries.map(({ name, about, defaultLevel }) => {
      const level = defaultLevel === undefined ? '' : ` (level ${defaultLevel})`
      return `    ${name.padEnd(18)}${about}${level}`
    }),
  ].join('\n'),
)

/** What `--help` prints. */
export const HELP: string = `checker FILE [--model NAME] [options]

Reads a history of operations, checks what it promises, says what was broken and where.
FILE is Jepsen or Knossos EDN, a Jepsen log, Elle JSON or EDN, Porcupine, Plume, AWDIT, dbcop or our own JSON,
as it is or gzipped; - is stdin.

  -m, --model NAME    what the history is one of; without it, by the names of its operations
  -l, --level LEVEL   of isolation, or the session guarantee
      --assume LIST   of registers: linearizable-keys, sequential-keys, wfr-keys; of sessions: real-time, ascending
      --init VALUE    value of every object before its first write, as JSON or text
  -f, --format NAME   edn, jepsen-log, json, plume, awdit, dbcop, quorate; without it, by the content
      --html FILE     draws the history and what was found as one HTML page
      --json          prints the result as JSON
      --budget-ms N   answers unknown after so many ms (default 60000)
      --max-bytes N   refuses longer files, decompressed (default 268435456)
  -h, --help
      --version

Exit code: 0 the promise was kept, 1 it was broken, 2 unknown, 64 the input or the arguments are wrong.

Models:
${models.join('\n')}
`

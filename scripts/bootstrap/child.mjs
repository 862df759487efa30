import { spawn } from 'node:child_process'
import { constants } from 'node:os'

/** Two signals of a kind closer than this are one: a terminal and npm both pass on the same Ctrl-C. */
const ECHO_MS = 300

const FORWARDED = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGWINCH'])

/**
 * Runs a program in our place: it gets our input and output, its exit code is returned, and its life is tied
 * to ours.
 *
 * Ctrl-C in a terminal goes to every process of the foreground group, and npm passes it on once more, so a
 * plain child would get it twice and take the second for impatience. Hence the child has a group of its own, and
 * each signal that reaches us is handed over once. What that costs is paid back here: Ctrl-Z stops and resumes the
 * child too, and if we or the npm above us are killed, the child is.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env: Record<string, string> }} options
 * @returns {Promise<number>} the exit code, 128 + number if a signal ended it
 */
export function runInOurPlace(command, args, { cwd, env }) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: 'inherit', detached: true })
    const { pid } = child
    if (pid === undefined) {
      child.on('error', reject)
      return
    }
    const leash = holdLeash(pid)

    /** @type {Map<string, number>} */
    const last = new Map()
    /** @param {NodeJS.Signals} signal */
    const forward = (signal) => {
      const now = performance.now()
      const echo = now - (last.get(signal) ?? -Infinity) < ECHO_MS
      last.set(signal, now)
      if (!echo || signal === 'SIGWINCH') signalGroup(pid, signal, 'leader')
    }
    const suspend = () => {
      signalGroup(pid, 'SIGSTOP', 'group')
      process.kill(process.pid, 'SIGSTOP')
    }
    const resume = () => signalGroup(pid, 'SIGCONT', 'group')
    for (const signal of FORWARDED) process.on(signal, forward)
    process.on('SIGTSTP', suspend)
    process.on('SIGCONT', resume)

    // npm waits for us after every signal but SIGKILL: a new parent means that it was killed.
    const parent = process.ppid
    const orphanWatch = setInterval(() => {
      if (process.ppid !== parent) signalGroup(pid, 'SIGKILL', 'group')
    }, 250)
    if (process.env['npm_lifecycle_event'] === undefined) clearInterval(orphanWatch)

    child.on('exit', (code, signal) => {
      clearInterval(orphanWatch)
      for (const name of FORWARDED) process.off(name, forward)
      process.off('SIGTSTP', suspend)
      process.off('SIGCONT', resume)
      leash.stdin.end('done\n')
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}

/**
 * A shell that kills the child's group when the pipe from us breaks without a word, which is what it does when
 * we are killed. 1 MB, for as long as the child runs.
 *
 * @param {number} pid
 */
function holdLeash(pid) {
  const leash = spawn('/bin/sh', ['-c', 'read -r word || kill -KILL "-$1"', 'leash', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    cwd: '/',
  })
  leash.on('error', () => {})
  leash.stdin.on('error', () => {})
  leash.unref()
  return leash
}

/**
 * @param {number} pid
 * @param {NodeJS.Signals} signal
 * @param {'leader' | 'group'} whom the program itself, or all that it started and that stayed with it
 */
function signalGroup(pid, signal, whom) {
  try {
    process.kill(whom === 'group' ? -pid : pid, signal)
  } catch {
    // It has ended in the meantime.
  }
}

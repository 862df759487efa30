import {
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmdirSync,
  statSync,
  unlinkSync,
  utimesSync,
  writeSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { explain } from './fail.mjs'

/**
 * One at a time across processes, by a file that names its owner.
 *
 *     free ──create──▶ held by a live process ──release──▶ free
 *                            │ owner dies
 *                            ▼
 *                          stale ──a waiter takes it away, under the breaker──▶ free
 *
 * An owner on this machine is dead when no process has its id and start time; one on another machine (a
 * shared folder, a container) when it has not touched the file for 30 s.
 *
 * @typedef {{ pid: number, started: string, host: string }} Owner
 */

const HEARTBEAT_MS = 2_000
const FOREIGN_STALE_MS = 30_000
/** Between creating the file and writing the owner into it lies one system call. */
const HALF_WRITTEN_MS = 5_000

/**
 * Runs `work` while holding the lock; waits as long as a live process has it.
 *
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @param {{ onWait?: (owner: Owner | undefined) => void, pollMs?: number }} [options] `onWait` is called once, when the lock is taken
 * @returns {Promise<T>}
 * @throws {import('./fail.mjs').UserError} if the file cannot be made.
 */
export async function withLock(file, work, { onWait, pollMs = 100 } = {}) {
  for (let told = false; !tryCreate(file);) {
    if (isStale(file)) {
      breakStale(file)
      await sleep(1)
      continue
    }
    if (!told) onWait?.(readOwner(file))
    told = true
    await sleep(pollMs)
  }
  const release = () => remove(file)
  process.once('exit', release) // also on process.exit() in the middle of the work
  const heartbeat = setInterval(() => touch(file), HEARTBEAT_MS)
  heartbeat.unref()
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    process.off('exit', release)
    release()
  }
}

/** @param {string} file */
function tryCreate(file) {
  try {
    mkdirSync(dirname(file), { recursive: true })
  } catch (error) {
    throw notWritable(file, error) // EEXIST, too: a plain file is in the folder's place
  }
  try {
    const handle = openSync(file, 'wx')
    writeSync(handle, JSON.stringify({ pid: process.pid, started: startOf(process.pid), host: hostname() }))
    closeSync(handle)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw notWritable(file, error)
  }
}

/**
 * @param {string} file
 * @param {unknown} error
 */
function notWritable(file, error) {
  return codeOf(error) === '' ? error : explain(`write ${file}`, codeOf(error), 'Check the folder it is in')
}

/** @param {string} file */
function isStale(file) {
  const ageMs = ageOf(file)
  if (ageMs === undefined) return false // gone: simply try again
  const owner = readOwner(file)
  if (owner === undefined) return ageMs > HALF_WRITTEN_MS
  if (owner.host !== hostname()) return ageMs > FOREIGN_STALE_MS
  return !isAlive(owner)
}

/**
 * Two waiters may both see a stale lock; if each simply deleted it, the second would delete the first one's
 * new lock. So deleting is itself guarded: by a folder held for two system calls, and judged again inside.
 *
 * @param {string} file
 */
function breakStale(file) {
  const breaker = `${file}.breaker`
  try {
    mkdirSync(breaker)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw notWritable(file, error)
    if ((ageOf(breaker) ?? 0) > 10_000) tryRemoveFolder(breaker) // its owner died in between
    return
  }
  try {
    if (isStale(file)) unlinkSync(file)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw notWritable(file, error)
  } finally {
    tryRemoveFolder(breaker)
  }
}

/** @param {Owner} owner */
function isAlive({ pid, started }) {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false // EPERM: alive, somebody else's
  }
  const now = startOf(pid)
  return now === '' || started === '' || now === started
}

/**
 * When a process began, to tell it from a later one with the same id; '' where the system does not say.
 *
 * @param {number} pid
 * @returns {string}
 */
export function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '' // field 22, counted after the name
  } catch {
    return ''
  }
}

/**
 * @param {string} file
 * @returns {Owner | undefined}
 */
function readOwner(file) {
  try {
    const { pid, started, host } = JSON.parse(readFileSync(file, 'utf8'))
    return typeof pid === 'number' ? { pid, started: String(started), host: String(host) } : undefined
  } catch {
    return undefined
  }
}

/** @param {string} file */
function ageOf(file) {
  try {
    return Date.now() - statSync(file).mtimeMs
  } catch {
    return undefined
  }
}

/** @param {string} file */
function touch(file) {
  const now = new Date()
  try {
    utimesSync(file, now, now)
  } catch {
    // Somebody removed the folder; the work will notice by itself.
  }
}

/** @param {string} file */
function remove(file) {
  try {
    unlinkSync(file)
  } catch {
    // Already gone.
  }
}

/** @param {string} folder */
function tryRemoveFolder(folder) {
  try {
    rmdirSync(folder)
  } catch {
    // Already gone.
  }
}

/** @param {unknown} error */
function codeOf(error) {
  const code = /** @type {NodeJS.ErrnoException} */ (error)?.code
  return code ?? ''
}

import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { NoUnprivilegedAccountError } from '../errors.ts'

/** An account of this machine that servers run as. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

/** Existing accounts that own nothing of value. None is ever created. */
const CANDIDATES = ['nobody', 'postgres', 'daemon']

/**
 * The account for the servers: `undefined` for our own; an unprivileged one when we are root, because
 * Postgres refuses to run as root.
 *
 * @throws NoUnprivilegedAccountError when we are root and there is none.
 */
export function serverAccount(passwdFile = '/etc/passwd'): Account | undefined {
  if (process.geteuid?.() !== 0) return undefined
  let lines: string[][]
  try {
    lines = readFileSync(passwdFile, 'utf8')
      .split('\n')
      .map((line) => line.split(':'))
  } catch (cause) {
    throw new NoUnprivilegedAccountError(CANDIDATES, cause)
  }
  for (const name of CANDIDATES) {
    const row = lines.find((line) => line[0] === name)
    const [uid, gid] = [Number(row?.[2]), Number(row?.[3])]
    if (uid > 0 && gid > 0) return { name, uid, gid }
  }
  throw new NoUnprivilegedAccountError(CANDIDATES)
}

/**
 * The first folder on the way to `target` (itself included) that the account may not enter, or
 * `undefined` if it can reach it. Access control lists are not looked at.
 */
export function firstUnreachable(target: string, account: Account | undefined): string | undefined {
  if (account === undefined) return undefined
  const parts = path.resolve(target).split(path.sep)
  for (let count = 1; count <= parts.length; count++) {
    const folder = parts.slice(0, count).join(path.sep) || path.sep
    try {
      const { mode, uid, gid } = statSync(folder)
      const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
      if ((mode & bit) === 0) return folder
    } catch {
      return folder
    }
  }
  return undefined
}

import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DataDirLockedError } from '../errors.ts'
import { bootId, isAlive, startTimeOf, uniqueName } from './process-identity.ts'

/** What a lock file says of its owner. */
interface Owner {
  readonly pid: number
  readonly startTime: string
  readonly bootId: string
}

/** Ours as long as the file is there and we live. */
export interface OwnerLock {
  /** Grows with each owner. */
  readonly generation: number
  /** The last owner died without letting go. */
  readonly tookOver: boolean
  release(): Promise<void>
}

const NAME = /^owner\.(\d+)\.lock$/
const MAX_ROUNDS = 20

/**
 * One owner per folder. The owner is who holds the highest generation; the next generation is made with
 * `link(2)`, which fails if it exists, and never by removing the last one first. So of two that find the
 * owner dead only one follows it, and the file is never seen half written.
 *
 * @throws DataDirLockedError while the owner lives.
 */
export async function lockFolder(folder: string): Promise<OwnerLock> {
  const me: Owner = { pid: process.pid, startTime: startTimeOf(process.pid) ?? '', bootId: bootId() }
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const last = await lastGeneration(folder)
    const owner = last === 0 ? undefined : await readOwner(fileOf(folder, last))
    if (owner !== undefined && livesOn(owner)) {
      throw new DataDirLockedError({ dataDir: folder, ownerPid: owner.pid })
    }
    const generation = last + 1
    if (!(await create(folder, generation, me))) continue
    await removeOlder(folder, generation)
    return {
      generation,
      tookOver: last > 0,
      release: () => rm(fileOf(folder, generation), { force: true }),
    }
  }
  throw new DataDirLockedError({ dataDir: folder, ownerPid: 0 })
}

/** True if somebody who lives owns the folder. */
export async function isOwned(folder: string): Promise<boolean> {
  const last = await lastGeneration(folder)
  const owner = last === 0 ? undefined : await readOwner(fileOf(folder, last))
  return owner !== undefined && livesOn(owner)
}

const fileOf = (folder: string, generation: number): string => path.join(folder, `owner.${generation}.lock`)

async function lastGeneration(folder: string): Promise<number> {
  const names = await readdir(folder)
  return names.reduce((last, name) => Math.max(last, Number(NAME.exec(name)?.[1] ?? 0)), 0)
}

/** `undefined` for a file that is gone or makes no sense: nobody lives who wrote it. */
async function readOwner(file: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Owner
  } catch {
    return undefined
  }
}

function livesOn({ pid, startTime, bootId: boot }: Owner): boolean {
  return boot === bootId() && isAlive(pid, startTime)
}

async function create(folder: string, generation: number, me: Owner): Promise<boolean> {
  const draft = path.join(folder, `owner.draft.${uniqueName()}`)
  await writeFile(draft, `${JSON.stringify(me)}\n`, { mode: 0o644 })
  try {
    await link(draft, fileOf(folder, generation))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

async function removeOlder(folder: string, generation: number): Promise<void> {
  for (const name of await readdir(folder)) {
    const other = Number(NAME.exec(name)?.[1] ?? Number.NaN)
    if (other < generation) await rm(path.join(folder, name), { force: true })
  }
}

import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DataDirMismatchError } from './errors.ts'
import { bootId } from './host/process-identity.ts'
import { Mutex } from './mutex.ts'
import type { Plan } from './plan.ts'

/** Raise when the layout of the folder changes. */
const FORMAT = 1
const FILE = 'quorate.json'

/** Who is what in a group. */
export interface Roles {
  readonly primary: string
  readonly stale: readonly string[]
}

/** What a data folder says about itself. */
interface ManifestData {
  readonly format: number
  readonly postgresVersion: string
  /** Replicas of each group. */
  readonly shape: { readonly postgres: Record<string, number>; readonly redis: Record<string, number> }
  /** False until the first start is through: nobody can have put data in. */
  readonly complete: boolean
  /** Closed in order. */
  readonly clean: boolean
  readonly bootId: string
  readonly fsync: boolean
  /** By `engine/group`. */
  readonly roles: Record<string, Roles>
  /** By `engine/group/node`. */
  readonly ports: Record<string, number>
}

/** The layout of a data folder, kept in it. */
export class Manifest {
  readonly #file: string
  readonly #writes: Mutex = new Mutex()
  #data: ManifestData
  /** There is data from before. */
  readonly reopened: boolean
  /** The machine went down while it was open, and writes were not forced to disk. */
  readonly doubtful: boolean

  private constructor(file: string, data: ManifestData, reopened: boolean) {
    this.#file = file
    this.#data = data
    this.reopened = reopened
    this.doubtful = reopened && !data.clean && !data.fsync && data.bootId !== bootId()
  }

  /**
   * Reads the layout and compares it with what is asked for; what a first start left unfinished is
   * removed.
   *
   * @throws DataDirMismatchError if the folder is for other servers, or holds other files.
   */
  static async open(
    root: string,
    plan: Plan,
    facts: { postgresVersion: string; fsync: boolean },
  ): Promise<Manifest> {
    const file = path.join(root, FILE)
    const found = await readManifest(root, file)
    const shape = shapeOf(plan)
    if (found?.complete === true) {
      compare(root, found, shape, facts.postgresVersion)
      return new Manifest(file, found, true)
    }
    await clear(root, found !== undefined)
    const data = {
      format: FORMAT,
      shape,
      complete: false,
      clean: false,
      bootId: bootId(),
      roles: {},
      ports: {},
      ...facts,
    }
    const manifest = new Manifest(file, data, false)
    await manifest.#change({})
    return manifest
  }

  /** Roles of a group, as `engine/group`. */
  rolesOf(group: string): Roles {
    return this.#data.roles[group] ?? { primary: 'node-1', stale: [] }
  }

  portOf(node: string): number | undefined {
    return this.#data.ports[node]
  }

  saveRoles(group: string, roles: Roles): Promise<void> {
    return this.#change({ roles: { ...this.#data.roles, [group]: roles } })
  }

  /** Everything is up: from now on there is data to keep. */
  opened(ports: Record<string, number>, fsync: boolean): Promise<void> {
    return this.#change({ ports, fsync, complete: true, clean: false, bootId: bootId() })
  }

  closed(): Promise<void> {
    return this.#change({ clean: true })
  }

  #change(change: Partial<ManifestData>): Promise<void> {
    return this.#writes.run(async () => {
      this.#data = { ...this.#data, ...change }
      const draft = `${this.#file}.new`
      await writeFile(draft, `${JSON.stringify(this.#data, undefined, 2)}\n`)
      await rename(draft, this.#file)
    })
  }
}

/** Removes what a first start made, and nothing else. */
export async function clearUnfinished(root: string): Promise<void> {
  for (const name of ['postgres', 'redis', 'logs', FILE]) {
    await rm(path.join(root, name), { recursive: true, force: true, maxRetries: 3 })
  }
}

async function readManifest(root: string, file: string): Promise<ManifestData | undefined> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch {
    return undefined
  }
  try {
    return JSON.parse(text) as ManifestData
  } catch (cause) {
    throw new DataDirMismatchError({ dataDir: root, reason: `${FILE} cannot be read`, cause })
  }
}

async function clear(root: string, isOurs: boolean): Promise<void> {
  if (isOurs) return clearUnfinished(root)
  const others = (await readdir(root)).filter((name) => !/^(owner|servers)\./.test(name))
  if (others.length === 0) return
  const shown = others.slice(0, 3).join(', ')
  throw new DataDirMismatchError({ dataDir: root, reason: `it is not empty and not a cluster (${shown})` })
}

function compare(
  root: string,
  found: ManifestData,
  shape: ManifestData['shape'],
  postgresVersion: string,
): void {
  if (found.format !== FORMAT) {
    throw new DataDirMismatchError({
      dataDir: root,
      reason: `it has format ${found.format}, and this version reads ${FORMAT}`,
    })
  }
  const [had, wanted] = [describe(found.shape), describe(shape)]
  if (had !== wanted) {
    throw new DataDirMismatchError({ dataDir: root, reason: `it holds ${had}, and ${wanted} was asked for` })
  }
  const hasPostgres = Object.keys(shape.postgres).length > 0
  if (hasPostgres && found.postgresVersion !== postgresVersion) {
    const reason = `it was made by Postgres ${found.postgresVersion}, and this is Postgres ${postgresVersion}`
    throw new DataDirMismatchError({ dataDir: root, reason })
  }
}

function shapeOf(plan: Plan): ManifestData['shape'] {
  const counts = (groups: readonly { name: string; replicas: number }[]): Record<string, number> =>
    Object.fromEntries(groups.map(({ name, replicas }) => [name, replicas]))
  return { postgres: counts(plan.postgres), redis: counts(plan.redis) }
}

/** In one order, so that it can be compared. */
function describe({ postgres, redis }: ManifestData['shape']): string {
  const list = (engine: string, groups: Record<string, number>): string[] =>
    Object.entries(groups)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, replicas]) => `${engine} ${name}:${replicas}`)
  return [...list('postgres', postgres), ...list('redis', redis)].join(', ')
}

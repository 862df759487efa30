import { mkdir, rename, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, totalmem } from 'node:os'
import { join } from 'node:path'

/** One line of a result file. */
export interface Row {
  readonly name: string
  readonly metric: string
  readonly unit: string
  readonly value: number
}

/** What ran the bench; no host name, no user. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly os: string
  readonly node: string
}

/** The shape of `bench/results/NAME.json`. */
export interface Result {
  readonly workload: string
  readonly machine: Machine
  readonly rows: readonly Row[]
  readonly ratios: Readonly<Record<string, number>>
}

/** This machine, as far as it matters for the figures. */
export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${process.platform} ${process.arch}`,
    node: process.versions.node,
  }
}

/** Five figures that count: enough for any ratio, and a re-run changes fewer digits. */
export function rounded(value: number): number {
  return Number(value.toPrecision(5))
}

/** Writes the file whole or not at all. @returns its path. */
export async function writeResult(folder: string, name: string, result: Result): Promise<string> {
  await mkdir(folder, { recursive: true })
  const path = join(folder, `${name}.json`)
  const draft = `${path}.${process.pid}.tmp`
  await writeFile(draft, `${JSON.stringify(result, undefined, 2)}\n`)
  await rename(draft, path)
  return path
}

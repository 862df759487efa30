import { relative } from 'node:path'
import { ROOT } from './workspace.ts'

/** Something a check found, where, and what to do about it. */
export interface Problem {
  /** Absolute path of the file. */
  readonly file: string
  /** From 1, if it is about a line. */
  readonly line?: number | undefined
  readonly message: string
}

/** Prints what a check found and sets the exit code: 1 if anything. */
export function report(
  title: string,
  looked: string,
  problems: readonly Problem[],
  root: string = ROOT,
): void {
  for (const { file, line, message } of problems) {
    const place = relative(root, file) || '.'
    console.error(line === undefined ? `${place}  ${message}` : `${place}:${line}  ${message}`)
  }
  console.log(
    `${title}: ${problems.length === 0 ? 'no problem' : `${problems.length} problems`} in ${looked}`,
  )
  if (problems.length > 0) process.exitCode = 1
}

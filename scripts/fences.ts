// Lint fences that no linter has: run over every package, see fences/rules for what is fenced off and why.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProblems } from './fences/find-problems.ts'
import { report } from './lib/check.ts'
import { examples, packages } from './lib/workspace.ts'

/** Not even listed: a build may be at work there. */
const SKIPPED = new Set(['node_modules', 'dist'])

const sources = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : sources(path)
    return entry.isFile() && /\.[cm]?tsx?$/.test(entry.name) ? [path] : []
  })

let count = 0
const problems = [...packages(), ...examples()].flatMap((one) =>
  sources(one.path).flatMap((file) => {
    count++
    return findProblems({ file, text: readFileSync(file, 'utf8'), package: one })
  }),
)
report('fences', `${count} files`, problems)

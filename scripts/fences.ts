// Lint fences that no linter has: run over every package, see fences/rules for what is fenced off and why.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { findProblems } from './fences/find-problems.ts'
import { report } from './lib/check.ts'
import { examples, packages } from './lib/workspace.ts'

const sources = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[cm]?tsx?$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/[\\/](node_modules|dist)[\\/]/.test(file))

let count = 0
const problems = [...packages(), ...examples()].flatMap((one) =>
  sources(one.path).flatMap((file) => {
    count++
    return findProblems({ file, text: readFileSync(file, 'utf8'), package: one })
  }),
)
report('fences', `${count} files`, problems)

import { writeFileSync } from 'node:fs'
import type { Reporter, TestCase, TestModule } from 'vitest/node'

/**
 * A vitest reporter for what the JSON one leaves out: the reasons given with `context.skip(reason)`, by file and
 * full name, written as JSON to the file named in `QUORATE_SKIP_REASONS`.
 */
export default class ReasonReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const reasons: Record<string, Record<string, string>> = {}
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const result = test.result()
        if (result.state !== 'skipped' || result.note === undefined) continue
        const file = (reasons[module.moduleId] ??= {})
        file[fullName(test)] = result.note
      }
    }
    const target = process.env['QUORATE_SKIP_REASONS']
    if (target !== undefined) writeFileSync(target, JSON.stringify(reasons, undefined, 2))
  }
}

/** As in the JSON report: titles joined with a space, where vitest itself writes ' > '. */
function fullName(test: TestCase): string {
  const titles = [test.name]
  for (let at = test.parent; at.type === 'suite'; at = at.parent) titles.unshift(at.name)
  return titles.join(' ').trim()
}

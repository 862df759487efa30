// `npm run prove -- NAME [ARGUMENTS]`: runs packages/NAME/test/prove/main.ts, which breaks real servers on purpose,
// records what clients see, and judges it. Exit code 1 if something contradicts what the package claims.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { packages } from './lib/workspace.ts'

const mainOf = (path: string): string => join(path, 'test', 'prove', 'main.ts')
const provable = packages().filter(({ path }) => existsSync(mainOf(path)))

function main([name, ...args]: readonly string[]): void {
  const chosen = provable.find(({ folder }) => folder === name)
  if (chosen === undefined) {
    const names = provable.map(({ folder }) => folder).join(', ')
    console.error(
      `npm run prove -- NAME [--help]; NAME is one of ${names}${name === undefined ? '' : `, not ${name}`}`,
    )
    process.exitCode = 2
    return
  }
  const child = spawn(process.execPath, ['--conditions=@quorate/source', mainOf(chosen.path), ...args], {
    stdio: 'inherit',
  })
  // The terminal sends Ctrl-C to the child as well, which then ends its servers; we wait for it.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => child.kill('SIGTERM'))
  child.on('exit', (code) => {
    process.exitCode = code ?? 1
  })
}

main(process.argv.slice(2))

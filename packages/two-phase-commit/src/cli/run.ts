import { main } from './main.ts'

/** The driver is the caller's also here: whoever has a coordinator has it. */
export async function run(): Promise<number> {
  const driver = await import('pg').catch(() => undefined)
  if (driver === undefined) {
    process.stderr.write('two-phase-commit: Cannot connect: there is no pg here; npm install pg\n')
    return 69
  }
  const { Pool } = driver.default
  return main(process.argv.slice(2), {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    connect: (connectionString) => {
      const pool = new Pool({ connectionString, max: 8 })
      pool.on('error', () => {}) // a connection that dies while idle is the next query's problem
      return pool
    },
  })
}

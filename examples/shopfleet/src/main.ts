import { INTERRUPTED, runCli } from './cli/run-cli.ts'

process.exitCode = await runCli(process.argv.slice(2))
// All that was started is ended. What is still being loaded or built nobody waits for who has had enough.
if (process.exitCode === INTERRUPTED) process.exit()

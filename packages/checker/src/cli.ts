#!/usr/bin/env node
import { EXIT, main } from './cli/main.ts'

// A reader that has seen enough (`| head`) is no reason to fail; the verdict is in the exit code. A result that cannot
// be written is, and must not end with the code of a verdict.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return
    if (stream === process.stdout)
      process.stderr.write(`checker: Cannot write the result: ${error.message}\n`)
    process.exit(EXIT.badInput)
  })

void main(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
}).then((code) => {
  process.exitCode = code
})

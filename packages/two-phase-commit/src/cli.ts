#!/usr/bin/env node
import { run } from './cli/run.ts'

// No await up here: the CommonJS build has none.
void run().then((code) => {
  process.exitCode = code
})

// `node --conditions=@quorate/source docs/lib/crdt-costs/write.ts`: renews the table of bytes in the README of crdt.
import { readFileSync, writeFileSync } from 'node:fs'
import { renewed, tableOf } from '../generated.ts'
import { costRows } from './costs.ts'

const readme = new URL('../../../packages/crdt/README.md', import.meta.url)
writeFileSync(readme, renewed(readFileSync(readme, 'utf8'), 'costs', tableOf(costRows())))

/** The inventory service, a copy for each answer to overselling, in a process of its own: to be killed. */
import { pino } from 'pino'
import { OVERSELLING } from '../src/services/inventory/overselling.ts'
import { startInventory } from '../src/services/inventory/service.ts'
import { openPool } from '../src/shared/postgres.ts'

const [primaryUrl = '', ...replicaUrls] = process.argv.slice(2)
const log = pino({ level: 'silent' })
const open = (url: string, max: number) => openPool(url, { name: 'inventory', max, log })
const replicas = replicaUrls.map((url) => open(url, 1))

const urls: Record<string, string> = {}
for (const overselling of OVERSELLING) {
  const service = await startInventory({
    primary: open(primaryUrl, 3),
    replicas,
    log,
    overselling,
    lookAfterMs: 20,
  })
  urls[overselling] = service.url
}
console.log(JSON.stringify(urls))

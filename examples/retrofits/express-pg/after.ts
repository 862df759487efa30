// Profiles, and who follows whom. Writes go to the primary, reads to a replica.
// oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 takes care of rejections
import type { AddressInfo } from 'node:net'
import express from 'express'
import pg from 'pg'
import { readYourWrites } from '@quorate/read-your-writes'
import { readYourWritesExpress } from '@quorate/read-your-writes/express'

interface Profile {
  readonly id: string
  readonly name: string
}

const primary = new pg.Pool({ connectionString: process.env['PRIMARY_URL'] })
const replica = new pg.Pool({ connectionString: process.env['REPLICA_URL'] })
for (const pool of [primary, replica]) pool.on('error', (error) => console.error(error.message))

const secret = process.env['SESSION_SECRET'] ?? ''
const db = readYourWrites({ primary, replicas: [{ id: 'replica', pool: replica }], secret })
const read = <T extends object>(sql: string, values: unknown[]) => db.read((q) => q.query<T>(sql, values))
const write = (sql: string, values: unknown[]) => db.write((tx) => tx.query(sql, values))

const app = express()
app.use(express.json())
app.use(readYourWritesExpress(db))

app.get('/profiles/:id', async (request, response) => {
  const { rows } = await read<Profile>('SELECT id, name FROM profile WHERE id = $1', [request.params.id])
  if (rows[0] === undefined) response.status(404).json({ error: 'no such profile' })
  else response.json(rows[0])
})

app.put(
  '/profiles/:id',
  async (request: express.Request<{ id: string }, unknown, Partial<Profile>>, response) => {
    const { name } = request.body
    if (typeof name !== 'string' || name === '') {
      response.status(422).json({ error: 'a profile needs a name' })
      return
    }
    await write(
      'INSERT INTO profile (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = excluded.name',
      [request.params.id, name],
    )
    response.redirect(303, `/profiles/${encodeURIComponent(request.params.id)}`)
  },
)

app.get('/users/:user/follows/:id', async (request, response) => {
  const { user, id } = request.params
  const { rows } = await read('SELECT 1 FROM follow WHERE follower = $1 AND followed = $2', [user, id])
  response.json({ following: rows.length === 1 })
})

app.put('/users/:user/follows/:id', async (request, response) => {
  const { user, id } = request.params
  await write('INSERT INTO follow (follower, followed) VALUES ($1, $2) ON CONFLICT DO NOTHING', [user, id])
  response.sendStatus(204)
})

app.delete('/users/:user/follows/:id', async (request, response) => {
  const { user, id } = request.params
  await write('DELETE FROM follow WHERE follower = $1 AND followed = $2', [user, id])
  response.sendStatus(204)
})

const server = app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
})

async function stop(): Promise<void> {
  await new Promise((resolve) => server.close(resolve).closeIdleConnections())
  await db.stop()
  await Promise.all([primary.end(), replica.end()])
}
process.once('SIGTERM', () => void stop())

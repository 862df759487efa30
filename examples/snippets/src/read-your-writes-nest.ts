// A NestJS service on a replica that lags: who has written sees it at once, everybody else reads the replica.
import 'reflect-metadata'
import { Body, Controller, Get, HttpCode, Inject, Injectable, Module, Param, Put } from '@nestjs/common'
import { APP_FILTER, NestFactory } from '@nestjs/core'
import { localCluster } from '@quorate/local-cluster'
import type { ReadYourWrites } from '@quorate/read-your-writes'
import {
  InjectReadYourWrites,
  ReadLevel,
  ReadYourWritesExceptionFilter,
  ReadYourWritesHealthIndicator,
  ReadYourWritesModule,
  type HealthResult,
} from '@quorate/read-your-writes/nest'
import pg from 'pg'

await using cluster = await localCluster({ postgres: { main: { replicas: 1 } } })
const { primary, replicas } = cluster.postgres.main
const poolOf = (port: number): pg.Pool => {
  const pool = new pg.Pool({ host: '127.0.0.1', port, user: 'postgres' })
  pool.on('error', () => {}) // idle connections, when the server is killed below
  return pool
}
const pools = [poolOf(primary.port), poolOf(replicas[0].port)] as const
await pools[0].query(`CREATE TABLE profile (id text PRIMARY KEY, name text);
  INSERT INTO profile VALUES ('ann', 'Ann')`)
await replicas[0].caughtUp()
await replicas[0].pauseReplay() // as if it lagged, for as long as this runs

interface Profile {
  readonly id: string
  readonly name: string
}

@Injectable()
class Profiles {
  readonly #db: ReadYourWrites

  constructor(@InjectReadYourWrites() db: ReadYourWrites) {
    this.#db = db
  }

  // Both find the session of the request by themselves.
  async find(id: string): Promise<Profile | undefined> {
    const { rows } = await this.#db.read((q) =>
      q.query<Profile>('SELECT id, name FROM profile WHERE id = $1', [id]),
    )
    return rows[0]
  }

  async rename(id: string, name: string): Promise<void> {
    await this.#db.write((tx) => tx.query('UPDATE profile SET name = $2 WHERE id = $1', [id, name]))
  }
}

@Controller()
class ProfilesController {
  readonly #profiles: Profiles
  readonly #health: ReadYourWritesHealthIndicator

  constructor(
    @Inject(Profiles) profiles: Profiles,
    @Inject(ReadYourWritesHealthIndicator) health: ReadYourWritesHealthIndicator,
  ) {
    this.#profiles = profiles
    this.#health = health
  }

  @Get('profile/:id')
  find(@Param('id') id: string): Promise<Profile | undefined> {
    return this.#profiles.find(id)
  }

  @Put('profile/:id')
  @HttpCode(204)
  rename(@Param('id') id: string, @Body() { name }: { name: string }): Promise<void> {
    return this.#profiles.rename(id, name)
  }

  @Get('directory/:id')
  @ReadLevel('eventual') // nobody minds if it is a little old
  listed(@Param('id') id: string): Promise<Profile | undefined> {
    return this.#profiles.find(id)
  }

  @Get('health')
  health(): HealthResult<'database'> {
    return this.#health.isHealthy('database')
  }
}

@Module({
  imports: [
    ReadYourWritesModule.forRoot({
      primary: pools[0],
      replicas: [{ id: 'r1', pool: pools[1] }],
      secret: 'change me: at least 16 bytes',
      waitMs: 0,
      maxLagMs: 60_000,
      probeDeadlineMs: 5_000, // a busy laptop is not a dead replica
      endPools: true, // when the application has closed
      onEvent: (event) => {
        if (event.type !== 'read') return
        console.log(
          ` read from ${event.target}${event.reason === undefined ? '' : `: r1 is ${event.reason}`}`,
        )
      },
    }),
  ],
  controllers: [ProfilesController],
  providers: [Profiles, { provide: APP_FILTER, useClass: ReadYourWritesExceptionFilter }],
})
// oxlint-disable-next-line typescript/no-extraneous-class -- Nest names modules by their class
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: false, forceCloseConnections: true })
await app.listen(0, '127.0.0.1')
const site = await app.getUrl()
const rename = (name: string): Promise<Response> =>
  fetch(`${site}/profile/ann`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  })

// What a browser does: it keeps the cookie.
console.log('PUT /profile/ann {"name":"Anna"}')
const put = await rename('Anna')
const cookie = put.headers.getSetCookie()[0]?.split(';')[0] ?? ''
console.log('', put.status, cookie.split('=')[0])
console.log('GET /profile/ann, by the same browser')
const own = await fetch(`${site}/profile/ann`, { headers: { cookie } })
console.log('', own.status, await own.json())
console.log('GET /directory/ann, by the same browser')
const listed = await fetch(`${site}/directory/ann`, { headers: { cookie } })
console.log('', listed.status, await listed.json())
console.log('GET /profile/ann, by another one')
const other = await fetch(`${site}/profile/ann`)
console.log('', other.status, await other.json())

await primary.kill()
console.log('the primary is gone: PUT /profile/ann {"name":"Annie"}')
const refused = await rename('Annie')
console.log('', refused.status, 'retry after', refused.headers.get('retry-after'), 's')
console.log('GET /health')
const health = (await (await fetch(`${site}/health`)).json()) as HealthResult<'database'>
console.log('', health.database.status, 'since reads go on')

await app.close()

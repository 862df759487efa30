import 'reflect-metadata'
import { createServer } from 'node:http'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter } from '@nestjs/platform-express'
import type { Pool } from 'pg'
import { answerProblems, createApp, listen, route, type RunningServer } from '../../shared/http-server.ts'
import type { Logger } from '../../shared/logging.ts'
import { migrate } from '../../shared/postgres.ts'
import { watchReplicas } from '../../shared/replica-watch.ts'
import { profilesMigrations } from './migrations.ts'
import { ProblemFilter } from './problem.filter.ts'
import { ProfilesModule } from './profiles.module.ts'

export interface ProfilesOptions {
  readonly primary: Pool
  readonly replicas: readonly Pool[]
  readonly log: Logger
  /** Signs session tokens. */
  readonly secret: string
}

/** A NestJS application on the same Express base as the other services: trace, log, body limit. */
export async function startProfiles({
  primary,
  replicas,
  log,
  secret,
}: ProfilesOptions): Promise<RunningServer> {
  await migrate(primary, profilesMigrations)
  const app = createApp(log)
  app.get(
    '/health',
    route({}, async () => {
      await primary.query('select 1')
      return { body: { service: 'profiles', ok: true } }
    }),
  )
  const watch = watchReplicas(log)
  const module = ProfilesModule.forRoot({ service: 'profiles', primary, replicas, secret, watch })
  const nest = await NestFactory.create(module, new ExpressAdapter(app), {
    logger: false,
    bodyParser: false,
    abortOnError: false,
  })
  nest.useGlobalFilters(new ProblemFilter(answerProblems('profiles', log)))
  await nest.init()
  const server = await listen(createServer(app), 0)
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await nest.close()
    },
  }
}

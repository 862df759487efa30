import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import express from 'express'
import { answerProblems, createApp, listen, type RunningServer } from '../shared/http-server.ts'
import type { Logger } from '../shared/logging.ts'
import { Problem } from '../shared/problem.ts'
import { adminRoutes } from './admin-routes.ts'
import { fleet, type FleetUrls } from './fleet.ts'
import { shopRoutes } from './shop-routes.ts'

export interface GatewayOptions {
  readonly urls: FleetUrls
  readonly log: Logger
  readonly port: number
  /** Folder of the built storefront; served at `/` if it is there. */
  readonly webFolder: string
}

/** The one door: makes the trace, says who is who, spreads users over copies, serves the storefront. */
export async function startGateway({ urls, log, port, webFolder }: GatewayOptions): Promise<RunningServer> {
  const services = fleet(urls)
  const app = createApp(log)
  shopRoutes(app, services)
  adminRoutes(app, services)
  if (existsSync(webFolder)) app.use(express.static(webFolder, { maxAge: '5m', index: 'index.html' }))
  app.use((request) => {
    throw new Problem(404, 'not-found', `No such address: ${request.method} ${request.path}`)
  })
  app.use(answerProblems('gateway', log))
  const server = await listen(createServer(app), port)
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await services.close()
    },
  }
}

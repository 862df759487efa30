import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Param,
  Post,
  Redirect,
  Req,
  Res,
  StreamableFile,
} from '@nestjs/common'
import type { Response } from 'express'
import type { FastifyReply } from 'fastify'
import type { ReadYourWrites } from '@quorate/read-your-writes'
import { READ_YOUR_WRITES, ReadYourWritesModule, sessionOf } from '@quorate/read-your-writes/nest'
import { frameworkSuite, type Notes } from './framework-suite.ts'
import { decorate, nestSite, PLATFORMS, type Platform } from './nest-setup.ts'

type Done = (result: Promise<unknown>) => void

/** What the platforms do each in their own way. */
interface Means {
  readonly setCookies: (response: unknown) => void
  /** The response of `node:http`, which the platform leaves alone from here on. */
  readonly take: (response: unknown) => ServerResponse
}

const MEANS: Record<Platform, Means> = {
  express: {
    setCookies: (response) => void (response as Response).cookie('a', '1').cookie('b', '2'),
    take: (response) => response as Response,
  },
  fastify: {
    setCookies: (response) => void (response as FastifyReply).header('set-cookie', ['a=1', 'b=2']),
    take: (response) => (response as FastifyReply).hijack().raw,
  },
}

function controllerOf(notes: Notes, { setCookies, take }: Means): new (db: ReadYourWrites) => object {
  const outside = new EventEmitter()
  outside.on('write', (db: ReadYourWrites, request: object, id: string, done: Done) => {
    done(db.write(notes.put(id), { session: sessionOf(request) }))
  })

  class NotesController {
    readonly #db: ReadYourWrites

    constructor(db: ReadYourWrites) {
      this.#db = db
    }

    read(id: string): Promise<boolean> {
      return this.#db.read(notes.exists(id))
    }

    async put(id: string): Promise<void> {
      await this.#db.write(notes.put(id))
    }

    async stream(id: string): Promise<StreamableFile> {
      await this.#db.write(notes.put(id))
      return new StreamableFile(Readable.from([Buffer.from('first'), Buffer.from('last')]))
    }

    async redirect(id: string): Promise<void> {
      await this.#db.write(notes.put(id))
    }

    async error(id: string): Promise<never> {
      await this.#db.write(notes.put(id))
      throw new Error('after the write')
    }

    async cookies(id: string, response: unknown): Promise<void> {
      await this.#db.write(notes.put(id))
      setCookies(response)
    }

    async late(id: string, response: unknown): Promise<void> {
      const raw = take(response)
      raw.write('first')
      await this.#db.write(notes.put(id))
      raw.end()
    }

    outside(id: string, request: object): Promise<unknown> {
      return new Promise((resolve) => void outside.emit('write', this.#db, request, id, resolve))
    }

    async body({ id }: { id: string }): Promise<void> {
      await this.#db.write(notes.put(id))
    }
  }

  const id = Param('id')
  const nothing = HttpCode(204)
  decorate(NotesController, [Controller()], {
    inject: [READ_YOUR_WRITES],
    methods: {
      read: { method: [Get('note/:id')], parameters: [id] },
      put: { method: [Post('note/:id'), nothing], parameters: [id] },
      stream: { method: [Post('stream/:id'), HttpCode(200)], parameters: [id] },
      redirect: { method: [Post('redirect/:id'), Redirect('/elsewhere', 302)], parameters: [id] },
      error: { method: [Post('error/:id')], parameters: [id] },
      cookies: { method: [Post('cookies/:id'), nothing], parameters: [id, Res({ passthrough: true })] },
      late: { method: [Post('late/:id')], parameters: [id, Res()] },
      outside: { method: [Post('outside/:id'), nothing], parameters: [id, Req()] },
      body: { method: [Post('body/:id'), nothing], parameters: [Body()] },
    },
  })
  return NotesController
}

const userOf = ({ headers }: Pick<IncomingMessage, 'headers'>): string | undefined => {
  const user = headers['x-user']
  return typeof user === 'string' ? user : undefined
}

for (const platform of PLATFORMS) {
  frameworkSuite(`NestJS 12 on ${platform === 'express' ? 'Express' : 'Fastify'}`, (db, notes) =>
    nestSite(platform, {
      imports: [ReadYourWritesModule.forRoot({ db, key: userOf })],
      controllers: [controllerOf(notes, MEANS[platform])],
    }),
  )
}

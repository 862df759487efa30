// Articles with comments. A writing Kysely on the primary, a reading one on a replica.
// oxlint-disable typescript/no-extraneous-class -- Nest names modules by their class
import 'reflect-metadata'
import {
  Body,
  Controller,
  Get,
  Global,
  HttpCode,
  Inject,
  Injectable,
  Module,
  NotFoundException,
  Param,
  Post,
  Put,
  UnprocessableEntityException,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { type Dialect, type Generated, Kysely } from 'kysely'
import pg from 'pg'
import { readYourWritesDialect } from '@quorate/read-your-writes/kysely'
import { READ_YOUR_WRITES, ReadYourWritesModule } from '@quorate/read-your-writes/nest'

interface Database {
  article: { id: string; title: string }
  comment: { id: Generated<number>; article_id: string; text: string }
}

const primary = new pg.Pool({ connectionString: process.env['PRIMARY_URL'] })
const replica = new pg.Pool({ connectionString: process.env['REPLICA_URL'] })
for (const pool of [primary, replica]) pool.on('error', (error) => console.error(error.message))

const WRITER = Symbol('writer')
const READER = Symbol('reader')
const secret = process.env['SESSION_SECRET'] ?? ''

const open = (dialect: Dialect) => new Kysely<Database>({ dialect })

@Global()
@Module({
  imports: [ReadYourWritesModule.forRoot({ primary, replicas: [{ id: 'replica', pool: replica }], secret })],
  providers: [
    { provide: WRITER, inject: [READ_YOUR_WRITES], useFactory: (db) => open(readYourWritesDialect({ db })) },
    { provide: READER, useExisting: WRITER },
  ],
  exports: [WRITER, READER],
})
class DatabaseModule {}

@Injectable()
class ArticlesService {
  readonly #writer: Kysely<Database>
  readonly #reader: Kysely<Database>

  constructor(@Inject(WRITER) writer: Kysely<Database>, @Inject(READER) reader: Kysely<Database>) {
    this.#writer = writer
    this.#reader = reader
  }

  async find(id: string) {
    const article = await this.#reader
      .selectFrom('article')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst()
    if (article === undefined) throw new NotFoundException()
    const comments = await this.#reader
      .selectFrom('comment')
      .select('text')
      .where('article_id', '=', id)
      .orderBy('id')
      .execute()
    return { ...article, comments: comments.map(({ text }) => text) }
  }

  async save(id: string, title: string) {
    await this.#writer
      .insertInto('article')
      .values({ id, title })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ title }))
      .execute()
  }

  async comment(id: string, text: string) {
    await this.#writer.transaction().execute(async (trx) => {
      const article = await trx
        .selectFrom('article')
        .select('id')
        .where('id', '=', id)
        .forShare()
        .executeTakeFirst()
      if (article === undefined) throw new NotFoundException()
      await trx.insertInto('comment').values({ article_id: id, text }).execute()
    })
  }
}

@Controller('articles')
class ArticlesController {
  readonly #articles: ArticlesService

  constructor(@Inject(ArticlesService) articles: ArticlesService) {
    this.#articles = articles
  }

  @Get(':id')
  find(@Param('id') id: string) {
    return this.#articles.find(id)
  }

  @Put(':id')
  @HttpCode(204)
  async save(@Param('id') id: string, @Body() { title }: { title?: unknown }) {
    await this.#articles.save(id, textOf(title))
  }

  @Post(':id/comments')
  @HttpCode(204)
  async comment(@Param('id') id: string, @Body() { text }: { text?: unknown }) {
    await this.#articles.comment(id, textOf(text))
  }
}

function textOf(value: unknown): string {
  if (typeof value !== 'string' || value === '') throw new UnprocessableEntityException()
  return value
}

@Module({ imports: [DatabaseModule], controllers: [ArticlesController], providers: [ArticlesService] })
class AppModule {}

const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: ['error'] })
await app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1')
console.log(await app.getUrl())

async function stop(): Promise<void> {
  await app.close()
  await Promise.all([primary.end(), replica.end()])
}
process.once('SIGTERM', () => void stop())

import { setTimeout as macrotask } from 'node:timers/promises'
import * as grpc from '@grpc/grpc-js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ReadYourWrites, ReadYourWritesEvent, Session } from '@quorate/read-your-writes'
import {
  readYourWritesClient,
  readYourWritesServer,
  sessionFromMetadata,
  sessionOf,
} from '@quorate/read-your-writes/grpc'
import { startBench, type Bench, type TestRouter } from './setup.ts'

/** JSON instead of messages made from a .proto file: nothing here depends on what is in them. */
const serialize = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const deserialize = (bytes: Buffer): unknown => JSON.parse(bytes.toString())
const method = (path: string, requestStream: boolean, responseStream: boolean) =>
  ({
    path: `/notes.Notes/${path}`,
    requestStream,
    responseStream,
    requestSerialize: serialize,
    requestDeserialize: deserialize,
    responseSerialize: serialize,
    responseDeserialize: deserialize,
  }) satisfies grpc.MethodDefinition<unknown, unknown>

const definition = {
  Get: method('Get', false, false),
  Put: method('Put', false, false),
  PutThenFail: method('PutThenFail', false, false),
  PutOutside: method('PutOutside', false, false),
  PutAll: method('PutAll', true, false),
  PutAndStream: method('PutAndStream', false, true),
  PutAndStreamThenFail: method('PutAndStreamThenFail', false, true),
  Chat: method('Chat', true, true),
} satisfies grpc.ServiceDefinition

/** What the service does with a database. */
function handlers(db: ReadYourWrites): grpc.UntypedServiceImplementation {
  const put = (id: string, session?: Session) =>
    db.write((tx) => tx.query('INSERT INTO note VALUES ($1, 1)', [id]), { session })
  const exists = async (id: string): Promise<boolean> =>
    (await db.read((q) => q.query('SELECT 1 FROM note WHERE id = $1', [id]))).rowCount === 1
  const get: grpc.handleUnaryCall<string, boolean> = (call, answer) => {
    void exists(call.request).then((is) => answer(null, is))
  }
  const putOne: grpc.handleUnaryCall<string, string> = (call, answer) => {
    const trailer = new grpc.Metadata()
    trailer.set('own', 'trailer')
    void put(call.request).then(() => answer(null, 'ok', trailer))
  }
  const putThenFail: grpc.handleUnaryCall<string, string> = (call, answer) => {
    void put(call.request).then(() => answer({ code: grpc.status.ABORTED, details: 'after the write' }))
  }
  const putOutside: grpc.handleUnaryCall<string, string> = (call, answer) => {
    const session = sessionOf(call.metadata)
    void put(call.request, session).then(() => answer(null, session === db.current() ? 'same' : 'other'))
  }
  const putAll: grpc.handleClientStreamingCall<string, number> = (call, answer) => {
    const writes: Promise<unknown>[] = []
    call.on('data', (id: string) => writes.push(put(id)))
    call.on('end', () => void Promise.all(writes).then((all) => answer(null, all.length)))
  }
  const putAndStream: grpc.handleServerStreamingCall<string, string> = (call) => {
    call.write('first')
    void put(call.request).then(() => {
      call.write('last')
      call.end()
    })
  }
  const putAndStreamThenFail: grpc.handleServerStreamingCall<string, string> = (call) => {
    call.write('first')
    void put(call.request).then(() => call.emit('error', { code: grpc.status.DATA_LOSS, details: 'x' }))
  }
  const chat: grpc.handleBidiStreamingCall<string, boolean> = (call) => {
    void (async () => {
      for await (const id of call as AsyncIterable<string>) {
        await put(id)
        call.write(await exists(id))
      }
      call.end()
    })()
  }
  return {
    Get: get,
    Put: putOne,
    PutThenFail: putThenFail,
    PutOutside: putOutside,
    PutAll: putAll,
    PutAndStream: putAndStream,
    PutAndStreamThenFail: putAndStreamThenFail,
    Chat: chat,
  }
}

type Answer = {
  readonly value: unknown
  readonly error: grpc.ServiceError | undefined
  readonly trailer: string[]
}

/** Calls, with promises. */
class NotesClient {
  readonly #client: grpc.Client

  constructor(port: number, interceptors: grpc.Interceptor[]) {
    this.#client = new grpc.Client(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), { interceptors })
  }

  unary(name: keyof typeof definition, request: unknown, metadata = new grpc.Metadata()): Promise<Answer> {
    return new Promise((resolve) => {
      let trailer: string[] = []
      let answer: Omit<Answer, 'trailer'> | undefined
      const { path } = definition[name]
      const call = this.#client.makeUnaryRequest(
        path,
        serialize,
        deserialize,
        request,
        metadata,
        (error, value) => {
          answer = { value, error: error ?? undefined }
        },
      )
      call.on('status', (status) => {
        trailer = Object.keys(status.metadata.getMap()).toSorted()
        setImmediate(() => resolve({ value: undefined, error: undefined, ...answer, trailer }))
      })
    })
  }

  putAll(ids: readonly string[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = this.#client.makeClientStreamRequest(
        definition.PutAll.path,
        serialize,
        deserialize,
        (error, value) => (error === null ? resolve(value) : reject(error)),
      )
      for (const id of ids) call.write(id)
      call.end()
    })
  }

  async serverStream(name: 'PutAndStream' | 'PutAndStreamThenFail', id: string): Promise<unknown[]> {
    const call = this.#client.makeServerStreamRequest(definition[name].path, serialize, deserialize, id)
    const status = new Promise((resolve) => call.on('status', resolve))
    const seen: unknown[] = []
    try {
      for await (const one of call) seen.push(one)
    } catch (error) {
      seen.push((error as grpc.ServiceError).code)
    }
    await status
    return seen
  }

  async chat(ids: readonly string[]): Promise<unknown[]> {
    const call = this.#client.makeBidiStreamRequest(definition.Chat.path, serialize, deserialize)
    const status = new Promise((resolve) => call.on('status', resolve))
    for (const id of ids) call.write(id)
    call.end()
    const seen: unknown[] = []
    for await (const one of call) seen.push(one)
    await status
    return seen
  }

  close(): void {
    this.#client.close()
  }
}

describe('two services that share a secret', () => {
  let bench: Bench
  /** The service behind; its replicas stand still, so that who sees a write was sent to the primary by a token. */
  let behind: TestRouter
  /** The service in front: a router of its own, as in another process. */
  let front: TestRouter
  let server: grpc.Server
  let client: NotesClient
  /** One without the interceptor, as in another language. */
  let plain: NotesClient
  beforeAll(async () => {
    bench = await startBench()
    behind = await bench.router({ waitMs: 0 })
    front = await bench.router({ waitMs: 0 })
    for (const replica of bench.replicas) await replica.pauseReplay()
    server = new grpc.Server({
      interceptors: [
        readYourWritesServer(behind.db, grpc, {
          key: ({ metadata }) => metadata.get('x-user')[0]?.toString(),
        }),
      ],
    })
    server.addService(definition, handlers(behind.db))
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      )
    })
    const carrying = readYourWritesClient(front.db, grpc)
    client = new NotesClient(port, [carrying])
    plain = new NotesClient(port, [])
  })
  afterAll(async () => {
    client.close()
    plain.close()
    server.forceShutdown()
    await behind[Symbol.asyncDispose]()
    await front[Symbol.asyncDispose]()
    await bench[Symbol.asyncDispose]()
  })

  /** Does a session of the front see the note, by a read of its own, on its own router? */
  const seesItself = async (session: Session, id: string): Promise<boolean> => {
    const { rowCount } = await front.db.read((q) => q.query('SELECT 1 FROM note WHERE id = $1', [id]), {
      session,
    })
    return rowCount === 1
  }

  test.each<[string, (id: string) => Promise<unknown>, unknown]>([
    ['unary', async (id) => (await client.unary('Put', id)).value, 'ok'],
    [
      'unary, with an error',
      async (id) => (await client.unary('PutThenFail', id)).error?.code,
      grpc.status.ABORTED,
    ],
    ['client streaming', (id) => client.putAll([`${id}-first`, id]), 2],
    ['server streaming', (id) => client.serverStream('PutAndStream', id), ['first', 'last']],
    [
      'server streaming, with an error',
      (id) => client.serverStream('PutAndStreamThenFail', id),
      ['first', grpc.status.DATA_LOSS],
    ],
    ['bidirectional', (id) => client.chat([`${id}-first`, id]), [true, true]],
  ])('a session sees what the service wrote for it: %s', async (kind, write, answer) => {
    const session = front.db.session()
    const id = kind.replaceAll(/\W+/g, '-')
    expect(await front.db.run(session, () => write(id))).toEqual(answer)
    expect(session.token).toBeDefined()
    // By a call that carries the token, by a read of its own, and not without it.
    expect(await front.db.run(session, () => client.unary('Get', id))).toMatchObject({ value: true })
    expect(await seesItself(session, id)).toBe(true)
    expect(await front.db.run(front.db.session(), () => client.unary('Get', id))).toMatchObject({
      value: false,
    })
  })

  test('the service sees what the session wrote itself', async () => {
    const session = front.db.session()
    await front.db.write((tx) => tx.query(`INSERT INTO note VALUES ('by-front', 1)`), { session })
    expect(await front.db.run(session, () => client.unary('Get', 'by-front'))).toMatchObject({ value: true })
  })

  test('a client of another kind gets the token beside the own trailers, and hands it on', async () => {
    const { trailer } = await plain.unary('Put', 'plain')
    expect(trailer).toEqual(['own', 'quorate-session'])
    expect((await plain.unary('Get', 'plain')).trailer).toEqual([])
  })

  test("the caller's metadata stays as it was", async () => {
    const session = front.db.session()
    const metadata = new grpc.Metadata()
    await front.db.run(session, () => client.unary('Put', 'meta-1', metadata))
    await front.db.run(session, () => client.unary('Get', 'meta-1', metadata))
    expect(metadata.getMap()).toEqual({})
  })

  test('outside of sessions calls work as ever', async () => {
    expect(await client.unary('Put', 'no-session')).toMatchObject({ value: 'ok' })
  })

  test('the session is found by the metadata where the context is lost', async () => {
    expect(await plain.unary('PutOutside', 'outside')).toMatchObject({
      value: 'same',
      trailer: ['quorate-session'],
    })
  })

  test('users with a key see their writes without a token', async () => {
    const ann = new grpc.Metadata()
    ann.set('x-user', 'ann')
    await plain.unary('Put', 'keyed', ann)
    expect(await plain.unary('Get', 'keyed', ann)).toMatchObject({ value: true })
    expect(await plain.unary('Get', 'keyed')).toMatchObject({ value: false })
  })

  test('a tampered token is no error: the primary answers and replaces it', async () => {
    const metadata = new grpc.Metadata()
    metadata.set('quorate-session', 'rubbish')
    await plain.unary('Put', 'tampered')
    const seen = await plain.unary('Get', 'tampered', metadata)
    expect(seen).toMatchObject({ value: true, trailer: ['quorate-session'] })
    const rejected = behind.events.filter((event: ReadYourWritesEvent) => event.type === 'token-rejected')
    expect(rejected.length).toBeGreaterThan(0)
  })

  test('many calls at once keep their sessions apart', async () => {
    const sessions = Array.from({ length: 20 }, () => front.db.session())
    await Promise.all(
      sessions.map((one, index) => front.db.run(one, () => client.unary('Put', `many-${index}`))),
    )
    const own = await Promise.all(
      sessions.map((one, index) => front.db.run(one, () => client.unary('Get', `many-${index}`))),
    )
    expect(own.map(({ value }) => value)).toEqual(sessions.map(() => true))
    expect(await front.db.run(front.db.session(), () => client.unary('Get', 'many-0'))).toMatchObject({
      value: false,
    })
  })

  test('a queue job goes on with the token in its data, in another process', async () => {
    const request = front.db.session()
    await front.db.write((tx) => tx.query(`INSERT INTO note VALUES ('of-job', 1)`), { session: request })
    // What a queue does: text in, text out, some time later.
    const data = JSON.stringify({ note: 'of-job', token: request.token })
    await macrotask()
    const job = JSON.parse(data) as { note: string; token: string }
    const session = behind.db.session({ token: job.token })
    const seen = await behind.db.run(session, () =>
      behind.db.read((q) => q.query('SELECT 1 FROM note WHERE id = $1', [job.note])),
    )
    expect(seen.rowCount).toBe(1)
    expect(behind.lastRead()).toMatchObject({ target: 'primary', reason: 'behind' })
    const without = await behind.db.read((q) => q.query(`SELECT 1 FROM note WHERE id = 'of-job'`), {
      session: behind.db.session(),
    })
    expect(without.rowCount).toBe(0)
  })

  test('sessionFromMetadata() serves servers that have no interceptors', () => {
    const metadata = new grpc.Metadata()
    const session = sessionFromMetadata(behind.db, metadata, { key: 'ann' })
    expect([session.key, sessionOf(metadata)]).toEqual(['ann', session])
  })
})

test('metadata keys that gRPC does not take are refused', () => {
  const db = { session: () => {}, run: () => {} } as unknown as ReadYourWrites
  for (const metadataKey of ['Quorate-Session', 'token-bin', 'a b', '']) {
    expect(() => readYourWritesServer(db, grpc, { metadataKey })).toThrow(TypeError)
    expect(() => readYourWritesClient(db, grpc, { metadataKey })).toThrow(TypeError)
  }
})

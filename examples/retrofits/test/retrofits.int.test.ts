import { readFileSync } from 'node:fs'
import { localCluster } from '@quorate/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Browser, startApp, type App } from './app.ts'
import { diff, diffText } from './diff.ts'

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8')
const FOLDERS = ['express-pg', 'nest-kysely']

/** Changed lines as `git diff --numstat` counts them: added and removed ones together. */
const MAX_CHANGED_LINES = 10

describe.each(FOLDERS)('the diff of %s', (folder) => {
  const lines = diff(read(`${folder}/before.ts`), read(`${folder}/after.ts`))

  test(`has at most ${MAX_CHANGED_LINES} changed lines`, () => {
    const changed = lines.filter(({ sign }) => sign !== ' ')
    expect(changed.length).toBeGreaterThan(0)
    expect(changed.length).toBeLessThanOrEqual(MAX_CHANGED_LINES)
  })

  test('is what the README shows', () => {
    expect(read('README.md')).toContain(`\`\`\`diff\n${diffText(lines)}\n\`\`\`\n`)
  })
})

test('diff() finds what was added, removed and kept, and diffText() leaves out what is far from it', () => {
  const lines = diff('a\nb\nc\nd\ne\nf\n', 'a\nb\nC\nd\ne\nf\n')
  expect(lines.map(({ sign, text }) => sign + text)).toEqual([' a', ' b', '-c', '+C', ' d', ' e', ' f', ' '])
  expect(diffText(lines)).toBe('  b\n- c\n+ C\n  d')
})

async function startCluster() {
  const cluster = await localCluster({ postgres: { main: { replicas: 1 } } })
  const { primary, replicas } = cluster.postgres.main
  const [replica] = replicas
  if (replica === undefined) throw new Error('no replica')
  const admin = new pg.Pool({ host: '127.0.0.1', port: primary.port, user: 'postgres', max: 1 })
  await admin.query(`
    CREATE TABLE profile (id text PRIMARY KEY, name text NOT NULL);
    CREATE TABLE follow (follower text, followed text, PRIMARY KEY (follower, followed));
    CREATE TABLE article (id text PRIMARY KEY, title text NOT NULL);
    CREATE TABLE comment (id int PRIMARY KEY GENERATED ALWAYS AS IDENTITY, article_id text NOT NULL, text text NOT NULL);
    INSERT INTO profile VALUES ('ann', 'Ann');
    INSERT INTO article VALUES ('one', 'One')`)
  await replica.caughtUp()
  const watcher = new pg.Pool({ host: '127.0.0.1', port: replica.port, user: 'postgres', max: 1 })
  return {
    cluster,
    replica,
    ports: { primaryPort: primary.port, replicaPort: replica.port },
    /** Has this application asked the replica such a query last, on one of its connections? */
    hasServed: async (application: string, query: string): Promise<boolean> => {
      const { rowCount } = await watcher.query(
        'SELECT 1 FROM pg_stat_activity WHERE application_name = $1 AND query LIKE $2',
        [application, query],
      )
      return rowCount !== 0
    },
    stop: () => Promise.all([admin.end(), watcher.end()]),
  }
}

describe.each(FOLDERS)('%s on a replica that stands still', (folder) => {
  let bench: Awaited<ReturnType<typeof startCluster>>
  let before: App
  let after: App
  beforeAll(async () => {
    bench = await startCluster()
    before = await startApp(`${folder}/before.ts`, bench.ports)
    after = await startApp(`${folder}/after.ts`, bench.ports)
    await bench.replica.pauseReplay()
  })
  afterAll(async () => {
    await after[Symbol.asyncDispose]()
    await before[Symbol.asyncDispose]()
    await bench.stop()
    await bench.cluster[Symbol.asyncDispose]()
  })

  /** What a user reads after each of their writes. */
  async function visit(origin: string): Promise<unknown[]> {
    const browser = new Browser(origin)
    if (folder === 'express-pg') {
      const renamed = await browser.send('PUT', '/profiles/ann', { name: `Ann at ${origin}` }) // and is led back
      await browser.send('PUT', `/users/${encodeURIComponent(origin)}/follows/ann`)
      const followed = await browser.send('GET', `/users/${encodeURIComponent(origin)}/follows/ann`)
      await browser.send('DELETE', `/users/${encodeURIComponent(origin)}/follows/ann`)
      const unfollowed = await browser.send('GET', `/users/${encodeURIComponent(origin)}/follows/ann`)
      return [renamed.body, followed.body, unfollowed.body]
    }
    await browser.send('PUT', '/articles/one', { title: `One at ${origin}` })
    const renamed = await browser.send('GET', '/articles/one')
    await browser.send('PUT', `/articles/new`, { title: 'New' })
    const { status } = await browser.send('POST', '/articles/new/comments', { text: `from ${origin}` })
    const commented = await browser.send('GET', '/articles/new')
    return [renamed.body, status, commented.status, commented.body]
  }

  test('before: a user does not see what they have just written', async () => {
    const seen = await visit(before.origin)
    expect(seen).toMatchObject(
      folder === 'express-pg'
        ? [{ name: 'Ann' }, { following: false }, { following: false }]
        : [{ title: 'One', comments: [] }, 204, 404, {}],
    )
  })

  test('after: they do', async () => {
    const { origin } = after
    const seen = await visit(origin)
    expect(seen).toMatchObject(
      folder === 'express-pg'
        ? [{ name: `Ann at ${origin}` }, { following: true }, { following: false }]
        : [
            { title: `One at ${origin}`, comments: [] },
            204,
            200,
            { comments: [`from ${before.origin}`, `from ${origin}`] },
          ],
    )
  })

  test('after: what was refused before is refused', async () => {
    const browser = new Browser(after.origin)
    const [missing, wrong] =
      folder === 'express-pg'
        ? [await browser.send('GET', '/profiles/nobody'), await browser.send('PUT', '/profiles/ann', {})]
        : [
            await browser.send('POST', '/articles/none/comments', { text: 'x' }),
            await browser.send('PUT', '/articles/one', {}),
          ]
    expect([missing.status, wrong.status]).toEqual([404, 422])
  })

  test('after: the replica still does the reading, for all who have not just written', async () => {
    await bench.replica.resumeReplay()
    const [path, query] =
      folder === 'express-pg'
        ? ['/profiles/ann', 'SELECT id, name FROM profile%']
        : ['/articles/one', 'select "text" from "comment"%']
    // It may have been ejected while it stood still, and is back when the router has looked again.
    let answer = await new Browser(after.origin).send('GET', path)
    while (!(await bench.hasServed(`${folder}/after.ts`, query))) {
      answer = await new Browser(after.origin).send('GET', path)
    }
    expect(answer.status).toBe(200)
  })
})

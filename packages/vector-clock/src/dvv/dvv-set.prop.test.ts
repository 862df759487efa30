import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecodeError, VersionVector } from '../index.ts'
import { DvvSet } from './index.ts'

// The slow obvious model: every write by name, what was seen and what is live as sets of names.
interface Model {
  readonly seen: ReadonlySet<string>
  readonly live: ReadonlySet<string>
}
interface Server {
  set: DvvSet<string>
  model: Model
}
/** What a client has read. */
interface Read {
  readonly context: VersionVector
  readonly seen: ReadonlySet<string>
}

const NODES = ['a', 'b', 'c'] as const
const command = fc.record({
  do: fc.constantFrom('write', 'write blindly', 'remove', 'sync', 'read'),
  on: fc.nat({ max: 2 }),
  from: fc.nat({ max: 2 }),
  client: fc.nat({ max: 3 }),
})

/** Runs commands on three servers and four clients, checks each step against the model, returns the sets. */
function run(
  commands: readonly { do: string; on: number; from: number; client: number }[],
): DvvSet<string>[] {
  const servers = NODES.map((): Server => ({
    set: DvvSet.empty<string>(),
    model: { seen: new Set(), live: new Set() },
  }))
  const nothing: Read = { context: VersionVector.empty, seen: new Set() }
  const reads: Read[] = Array.from({ length: 4 }, () => nothing)
  let writes = 0
  for (const { do: what, on, from, client } of commands) {
    const server = servers[on] as Server
    const { set, model } = server
    const read = what === 'write blindly' ? nothing : (reads[client] as Read)
    if (what === 'sync') {
      const other = servers[from] as Server
      server.set = set.merge(other.set)
      const keep = (mine: Model, theirs: Model): string[] =>
        [...mine.live].filter((dot) => theirs.live.has(dot) || !theirs.seen.has(dot))
      server.model = {
        seen: new Set([...model.seen, ...other.model.seen]),
        live: new Set([...keep(model, other.model), ...keep(other.model, model)]),
      }
    } else if (what === 'read') {
      reads[client] = { context: set.context, seen: model.seen }
    } else {
      const seen = new Set([...model.seen, ...read.seen])
      const live = new Set([...model.live].filter((dot) => !read.seen.has(dot)))
      if (what === 'remove') server.set = set.remove(read.context)
      else {
        const value = `w${writes++}`
        server.set = set.write(NODES[on] as string, value, read.context)
        seen.add(value)
        live.add(value)
      }
      server.model = { seen, live }
    }
    expect(new Set(server.set.values)).toEqual(server.model.live)
    expect(server.set.size).toBe(server.model.live.size)
    let seenCount = 0
    for (const [, counter] of server.set.context) seenCount += counter
    expect(seenCount).toBe(server.model.seen.size)
  }
  return servers.map(({ set }) => set)
}

const states = fc.array(command, { maxLength: 40, size: 'max' }).map(run)

test('values and context are those of a model with one name per write', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 60, size: 'max' }), (commands) => {
      expect(run(commands)).toHaveLength(NODES.length) // and each step of it is checked
    }),
    { numRuns: 500 },
  )
})

test('merge() commutes, associates and is idempotent', () => {
  fc.assert(
    fc.property(states, (sets) => {
      const [a, b, c] = sets as [DvvSet<string>, DvvSet<string>, DvvSet<string>]
      expect(a.merge(b).toJSON()).toEqual(b.merge(a).toJSON())
      expect(a.merge(b).merge(c).toJSON()).toEqual(a.merge(b.merge(c)).toJSON())
      expect(a.merge(a).toJSON()).toEqual(a.toJSON())
      expect(a.merge(b).context.toJSON()).toEqual(a.context.merge(b.context).toJSON())
    }),
  )
})

test('without removals, a set that is before another is replaced by it', () => {
  const writes = fc
    .array(command, { maxLength: 40, size: 'max' })
    .map((list) => run(list.filter((one) => one.do !== 'remove')))
  fc.assert(
    fc.property(writes, (sets) => {
      for (const a of sets) {
        for (const b of sets.filter((other) => a.compare(other) === 'before')) {
          expect(a.merge(b).toJSON()).toEqual(b.toJSON())
        }
      }
    }),
  )
})

test('a write with the context of its server leaves itself alone', () => {
  fc.assert(
    fc.property(states, ([a]) => {
      const stored = a as DvvSet<string>
      expect(stored.write('a', 'new', stored.context).values).toEqual(['new'])
      expect(stored.write('z', 'new').size).toBe(stored.size + 1)
    }),
  )
})

const writeValue = (value: string): Uint8Array => new TextEncoder().encode(value)
const readValue = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes)

test('bytes and JSON come back as they went', () => {
  fc.assert(
    fc.property(states, (sets) => {
      for (const one of sets) {
        expect(DvvSet.decode(one.encode(writeValue), readValue).toJSON()).toEqual(one.toJSON())
        expect(DvvSet.fromJSON(JSON.parse(JSON.stringify(one))).toJSON()).toEqual(one.toJSON())
      }
    }),
  )
})

test('decode() either fails with a DecodeError or gives a set that encodes to the same bytes', () => {
  const mutated = fc.tuple(states, fc.nat(), fc.nat({ max: 255 })).map(([sets, at, byte]): Uint8Array => {
    const bytes = (sets[0] as DvvSet<string>).encode(writeValue)
    return bytes.with(at % bytes.length, byte)
  })
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), mutated), (bytes) => {
      try {
        expect(DvvSet.decode(bytes, readValue).encode(writeValue)).toEqual(bytes)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }),
    { numRuns: 1_000 },
  )
})

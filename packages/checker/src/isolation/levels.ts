/**
 * Levels of isolation, and what each forbids. Most come from Adya (1999); cursor stability and P4 from Berenson et al.
 * (1995); read atomic from Bailis et al. (2014); update atomic, prefix and causal from Cerone et al. (2015).
 *
 * A level forbids what is listed for it and all that the levels it `includes` forbid. Cycles are listed by their
 * plain names; `strong-session-…` forbids them also with the order of each process among their edges, `strong-…` with
 * real time as well.
 */
interface LevelRule {
  readonly includes: readonly string[]
  readonly cycles: readonly string[]
  readonly forbids: readonly string[]
}

const BASE: Readonly<Record<string, LevelRule>> = {
  'read-uncommitted': {
    includes: [],
    cycles: ['G0'],
    forbids: ['duplicate-elements', 'incompatible-order', 'thin-air-read', 'future-read', 'cyclic-versions'],
  },
  'read-committed': {
    includes: ['read-uncommitted'],
    cycles: ['G1c'],
    forbids: ['G1a', 'G1b', 'dirty-update'],
  },
  'monotonic-view': { includes: ['read-committed'], cycles: ['G-monotonic'], forbids: [] },
  'cursor-stability': { includes: ['read-committed'], cycles: [], forbids: ['lost-update'] },
  'read-atomic': { includes: ['read-committed'], cycles: ['fractured-read'], forbids: ['internal'] },
  'update-atomic': { includes: ['read-atomic'], cycles: [], forbids: ['lost-update'] },
  'consistent-view': {
    includes: ['monotonic-view', 'cursor-stability', 'update-atomic'],
    cycles: ['G-single-item'],
    forbids: [],
  },
  prefix: { includes: ['read-atomic'], cycles: ['G-prefix'], forbids: [] },
  'snapshot-isolation': {
    includes: ['consistent-view', 'prefix'],
    cycles: ['G-nonadjacent-item'],
    forbids: [],
  },
  'repeatable-read': {
    includes: ['monotonic-view', 'cursor-stability', 'update-atomic'],
    cycles: ['G-single-item', 'G-nonadjacent-item', 'G2-item'],
    forbids: [],
  },
  serializable: { includes: ['snapshot-isolation', 'repeatable-read'], cycles: [], forbids: [] },
}

/** Names of levels that are the same as another one's, and what the literature calls them. */
const ALIASES: Readonly<Record<string, string>> = {
  RU: 'read-uncommitted',
  'PL-1': 'read-uncommitted',
  RC: 'read-committed',
  'PL-2': 'read-committed',
  'PL-2L': 'monotonic-view',
  'PL-CS': 'cursor-stability',
  RA: 'read-atomic',
  CC: 'causal',
  'PL-2+': 'consistent-view',
  'parallel-snapshot-isolation': 'consistent-view',
  PSI: 'consistent-view',
  PC: 'prefix',
  'prefix-consistency': 'prefix',
  SI: 'snapshot-isolation',
  'PL-SI': 'snapshot-isolation',
  RR: 'repeatable-read',
  'PL-2.99': 'repeatable-read',
  SER: 'serializable',
  'PL-3': 'serializable',
  'strong-serializable': 'strict-serializable',
  'strong-session-PL-3': 'strong-session-serializable',
  'PL-SS': 'strict-serializable',
}

/** How much order a level includes: none of its own, that of processes, or real time. */
export type Strength = 0 | 1 | 2

export interface Level {
  readonly name: string
  /** The level without `strong-session-` or `strong-`. */
  readonly base: string
  readonly strength: Strength
  /** Names of the levels directly below. */
  readonly includes: readonly string[]
  /** Names of the anomalies it adds to what those forbid. */
  readonly forbids: readonly string[]
}

const PREFIXES = ['', 'strong-session-', 'strong-'] as const
const SUFFIXES = ['', '-process', '-realtime'] as const

const nameOf = (base: string, strength: Strength): string =>
  base === 'serializable' && strength === 2 ? 'strict-serializable' : `${PREFIXES[strength]}${base}`

function makeLevels(): Map<string, Level> {
  const levels = new Map<string, Level>()
  for (const [base, { includes, cycles, forbids }] of Object.entries(BASE)) {
    for (const strength of [0, 1, 2] as const) {
      levels.set(nameOf(base, strength), {
        name: nameOf(base, strength),
        base,
        strength,
        includes: [
          ...includes.map((name) => nameOf(name, strength)),
          ...(strength === 0 ? [] : [nameOf(base, (strength - 1) as Strength)]),
        ],
        forbids: [
          ...(strength === 0 ? forbids : []),
          ...cycles.map((name) => `${name}${SUFFIXES[strength]}`),
        ],
      })
    }
  }
  // Causality is about sessions: it has no form without their order.
  levels.set('causal', {
    name: 'causal',
    base: 'causal',
    strength: 1,
    includes: ['strong-session-read-atomic'],
    forbids: ['non-causal-read'],
  })
  for (const name of [
    'strong-session-consistent-view',
    'strong-session-prefix',
    'strong-session-repeatable-read',
  ]) {
    const level = levels.get(name) as Level
    levels.set(name, { ...level, includes: [...level.includes, 'causal'] })
  }
  return levels
}

const LEVELS: ReadonlyMap<string, Level> = /* @__PURE__ */ makeLevels()

export const allLevels = (): readonly Level[] => [...LEVELS.values()]

/** @throws RangeError if there is no such level. */
export function levelOf(name: string): Level {
  const level = LEVELS.get(ALIASES[name] ?? name)
  if (level === undefined)
    throw new RangeError(
      `Cannot check level ${JSON.stringify(name)}: expected one of ${[...LEVELS.keys()].join(', ')}`,
    )
  return level
}

const LINEAGES = /* @__PURE__ */ new Map<Level, ReadonlySet<Level>>()

/** A level and all below it. */
export function lineage(level: Level): ReadonlySet<Level> {
  let known = LINEAGES.get(level)
  if (known === undefined) {
    const all = new Set<Level>([level])
    for (const member of all) for (const name of member.includes) all.add(levelOf(name))
    LINEAGES.set(level, (known = all))
  }
  return known
}

/** Plain levels with the order of processes included, which is how histories without real time are judged. */
export function withSessions(level: Level): Level {
  return level.strength === 0 ? levelOf(nameOf(level.base, 1)) : level
}

/** What a name of the literature stands for: `G1` is any of three, and a cycle with less order is one with more. */
const FAMILIES: Readonly<Record<string, readonly string[]>> = {
  G1: ['G1a', 'G1b', 'G1c', 'dirty-update'],
  'G-single': ['G-single-item'],
  'G-nonadjacent': ['G-single-item', 'G-nonadjacent-item'],
  'G-SI': ['G-single-item', 'G-nonadjacent-item'],
  'G2-item': ['G-single-item', 'G-nonadjacent-item', 'G2-item'],
  G2: ['G-single-item', 'G-nonadjacent-item', 'G2-item'],
  internal: ['internal', 'future-read'],
}

const PLAIN = [
  'G0',
  'G1c',
  'G-single-item',
  'G-nonadjacent-item',
  'G2-item',
  'G-prefix',
  'fractured-read',
  'G-monotonic',
]
const OTHERS = [
  'G1a', 'G1b', 'dirty-update', 'internal', 'future-read', 'thin-air-read', 'duplicate-elements', 'incompatible-order',
  'cyclic-versions', 'lost-update', 'non-causal-read',
] // prettier-ignore

/** @throws RangeError if there is no such anomaly. */
export function anomaliesOf(name: string): readonly string[] {
  const suffix = name.endsWith('-process') ? 1 : name.endsWith('-realtime') ? 2 : 0
  const plain = suffix === 0 ? name : name.slice(0, -(SUFFIXES[suffix] as string).length)
  const members = FAMILIES[plain] ?? (PLAIN.includes(plain) || OTHERS.includes(plain) ? [plain] : undefined)
  if (members === undefined)
    throw new RangeError(
      `Cannot look for anomaly ${JSON.stringify(name)}: expected one of ${[...PLAIN, ...OTHERS, ...Object.keys(FAMILIES)].join(', ')}, or a cycle with -process or -realtime after it`,
    )
  return members.flatMap((member) =>
    PLAIN.includes(member) ? SUFFIXES.slice(0, suffix + 1).map((end) => `${member}${end}`) : [member],
  )
}

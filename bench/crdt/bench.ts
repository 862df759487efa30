// Our types against the libraries of the field: text, sets, counters, maps, carts, sizes.
import { bench, type Case, type Group, isolated } from '../harness/index.ts'
import { bundlesGroup } from './bundles.ts'
import { type PeerName, type Task, WASM } from './contestant.ts'
import { hasTraces, NO_TRACES, titleOf } from './traces.ts'

/** The names in the tables. */
const NAMES: Readonly<Record<PeerName, string>> = {
  automerge: 'Automerge',
  collabs: 'Collabs',
  'delta-crdts': 'delta-crdts',
  'diamond-types': 'diamond-types',
  floor: 'floor',
  'json-joy': 'json-joy',
  loro: 'Loro',
  quorate: 'quorate',
  yjs: 'Yjs',
}

const B4 = titleOf('B4')
const FRIENDS = titleOf('friendsforever')
const RUSTCODE = titleOf('rustcode')

const contestant = new URL('contestant.ts', import.meta.url)

function caseOf(peer: PeerName, task: Task, more: Partial<Case> = {}): Case {
  return { ...isolated(NAMES[peer], contestant, [peer, ...(task as readonly string[])]), ...more }
}

interface GroupOptions {
  readonly title: string
  readonly task: Task
  readonly units: Readonly<Record<string, string>>
  readonly peers: readonly PeerName[]
  /** The one metric that the floor has, if it takes part; and what the floor is. */
  readonly floor?: readonly [metric: string, name: string]
  /** For the slow ones. */
  readonly maxRounds?: Partial<Record<PeerName, number>>
}

function groupOf({ title, task, units, peers, floor, maxRounds = {} }: GroupOptions): Group {
  const cases = peers.map((peer) => {
    const most = maxRounds[peer]
    const lacks = 'heap' in units && WASM.includes(peer) ? { lacks: ['heap'] } : {}
    return caseOf(peer, task, most === undefined ? lacks : { ...lacks, maxRounds: most })
  })
  if (floor !== undefined) {
    const [metric, name] = floor
    const lacks = Object.keys(units).filter((other) => other !== metric)
    cases.unshift(caseOf('floor', task, { name, lacks }))
  }
  return { title, units, cases }
}

const APPLY = { apply: 'ms', bytes: 'B', load: 'ms', heap: 'MB' }
const SEND = { send: 'ms', receive: 'ms', 'an update': 'B' }
const EDITS = { edits: 'per s', 'edits, encoded': 'per s', 'last update': 'B', bytes: 'B' }

const groups: readonly Group[] = [
  groupOf({
    title: B4,
    task: ['apply text', 'B4'],
    units: APPLY,
    peers: ['quorate', 'json-joy', 'diamond-types', 'loro', 'yjs', 'collabs', 'automerge'],
    floor: ['apply', 'gap buffer'],
    maxRounds: { yjs: 2, collabs: 1, automerge: 1 },
  }),
  groupOf({
    title: `${B4}, an update per edit`,
    task: ['send text', 'B4'],
    units: SEND,
    peers: ['quorate', 'json-joy', 'diamond-types', 'yjs'],
    maxRounds: { 'diamond-types': 2, yjs: 1 },
  }),
  groupOf({
    title: `${B4}, first 2,000 edits, an update per edit`,
    task: ['send text', 'B4', '2000'],
    units: SEND,
    peers: ['quorate', 'json-joy', 'diamond-types', 'loro', 'yjs', 'collabs', 'automerge'],
    maxRounds: { automerge: 1 },
  }),
  groupOf({
    title: `${FRIENDS}, received`,
    task: ['receive concurrent text', 'friendsforever'],
    units: { receive: 'ms', 'an update': 'B' },
    peers: ['quorate', 'json-joy', 'diamond-types', 'yjs', 'collabs'],
    maxRounds: { 'diamond-types': 2, collabs: 2 },
  }),
  groupOf({
    title: RUSTCODE,
    task: ['apply text', 'rustcode'],
    units: APPLY,
    peers: ['quorate', 'json-joy', 'diamond-types', 'loro', 'yjs'],
    floor: ['apply', 'gap buffer'],
  }),
  groupOf({
    title: 'set of 1,000',
    task: ['small set'],
    units: { add: 'per s', 'add, encoded': 'per s', 'last update': 'B' },
    peers: ['quorate', 'json-joy', 'loro', 'yjs', 'collabs', 'automerge', 'delta-crdts'],
    floor: ['add', 'native Set'],
    maxRounds: { automerge: 1, 'delta-crdts': 1 },
  }),
  groupOf({
    title: 'set of 100,000',
    task: ['large set'],
    units: { add: 'per s', bytes: 'B', load: 'ms', merge: 'ms', emptied: 'B' },
    peers: ['quorate', 'json-joy', 'loro', 'yjs', 'collabs'],
    floor: ['add', 'native Set'],
    maxRounds: { 'json-joy': 2, loro: 2, yjs: 2, collabs: 1 },
  }),
  groupOf({
    title: 'almost equal sets',
    task: ['almost equal sets'],
    units: { equal: 'B', 'one add behind': 'B' },
    peers: ['quorate', 'json-joy', 'loro', 'yjs', 'collabs', 'automerge'],
    maxRounds: { 'json-joy': 1, loro: 1, yjs: 1, collabs: 1, automerge: 1 },
  }),
  groupOf({
    title: 'counter',
    task: ['counter'],
    units: EDITS,
    peers: ['quorate', 'loro', 'collabs', 'automerge', 'delta-crdts'],
    floor: ['edits', 'a number'],
    maxRounds: { automerge: 1 },
  }),
  groupOf({
    title: 'last-writer-wins map',
    task: ['map'],
    units: EDITS,
    peers: ['quorate', 'json-joy', 'loro', 'yjs', 'collabs', 'automerge'],
    floor: ['edits', 'native Map'],
    maxRounds: { collabs: 2, automerge: 1 },
  }),
  groupOf({
    title: 'cart',
    task: ['cart'],
    units: EDITS,
    peers: ['quorate', 'loro', 'collabs', 'automerge'],
    floor: ['edits', 'native Map'],
    maxRounds: { automerge: 1 },
  }),
  bundlesGroup,
]

/** How the rivals are set up, and what is different from one to the other. */
const FAIRNESS = [
  'each library in a process of its own; CPU with the collector’s and compiler’s threads; answers checked',
  'a batch is one transaction where the library has them, and nothing is encoded in it; ours makes a delta object for ' +
    'every edit all the same',
  '"an update per edit" and "encoded": each edit is a transaction, its update in bytes at once',
  'Yjs: Y.Map for sets, format 2 for whole documents, format 1 for updates; no counters',
  'json-joy: sets are keys of an object, patch taken every 1,000 edits in a batch; no counters',
  'Loro and Automerge: sets are keys of a map, carts maps of counters; Collabs: CValueSet, CLazyMap of CCounter',
  'writers’ ids as long as each library draws them; ours "eu-1", as a program would choose it',
  'left out for their time: Loro and Automerge in friendsforever, Loro, Automerge and Collabs in an update for every edit ' +
    'of B4, Automerge in the set of 100,000 and in rustcode, delta-crdts where not listed; Collabs cannot insert the ' +
    '69,106 characters that rustcode begins with; the removals of delta-crdts do not remove at the receiver',
].join('; ')

if (!hasTraces) console.log(`${NO_TRACES}\n`)

await bench({
  workload:
    'text: 259,778 edits of one paper (B4), 40,173 of a source file (rustcode), 26,078 by two writers at once ' +
    `(friendsforever)${hasTraces ? '' : ', all replaced by made ones'}; load includes reading the text and an edit in its middle, or looking up a key; heap: what a text holds that was loaded, not known of WebAssembly; ` +
    'sets: keys of 10 characters; merge: two sets of 100,000, half of them common, from bytes; emptied: bytes when all is removed; almost ' +
    'equal: 1,000 added and 200 removed by two; counter: 10,000 increments; map: 1,000 keys written 10 times; cart: 1,000 ' +
    `adds to 50 lines; size: whole entry, esbuild, gzip. Fair play: ${FAIRNESS}`,
  groups,
  ratios: (value) => {
    const of = (group: string, metric: string, rival: string, ours = 'quorate'): number =>
      value(rival, metric, group) / value(ours, metric, group)
    const faster = (group: string, metric: string, rival: string): number => 1 / of(group, metric, rival)
    return {
      'B4 apply: quorate / gap buffer': 1 / of(B4, 'apply', 'gap buffer'),
      'B4 apply: json-joy / quorate': of(B4, 'apply', 'json-joy'),
      'B4 apply: Yjs / quorate': of(B4, 'apply', 'Yjs'),
      'B4 apply: Automerge / quorate': of(B4, 'apply', 'Automerge'),
      'B4 bytes: Yjs / quorate': of(B4, 'bytes', 'Yjs'),
      'B4 load: Yjs / quorate': of(B4, 'load', 'Yjs'),
      'B4 receive, update by update: json-joy / quorate': of(
        `${B4}, an update per edit`,
        'receive',
        'json-joy',
      ),
      'B4 receive, update by update: Yjs / quorate': of(`${B4}, an update per edit`, 'receive', 'Yjs'),
      'B4 receive, update by update: quorate / gap buffer applying':
        value('quorate', 'receive', `${B4}, an update per edit`) / value('gap buffer', 'apply', B4),
      'friendsforever receive: json-joy / quorate': of(`${FRIENDS}, received`, 'receive', 'json-joy'),
      'friendsforever receive: Yjs / quorate': of(`${FRIENDS}, received`, 'receive', 'Yjs'),
      'set of 1,000, adds per s: quorate / Yjs': faster('set of 1,000', 'add', 'Yjs'),
      'set of 1,000, adds per s: native Set / quorate': of('set of 1,000', 'add', 'native Set'),
      'set of 100,000, adds per s: quorate / Yjs': faster('set of 100,000', 'add', 'Yjs'),
      'set of 100,000, adds per s: native Set / quorate': of('set of 100,000', 'add', 'native Set'),
      'set of 100,000, merge: Yjs / quorate': of('set of 100,000', 'merge', 'Yjs'),
      'set emptied, bytes: Yjs / quorate': of('set of 100,000', 'emptied', 'Yjs'),
      'counter, increments per s: quorate / Loro': faster('counter', 'edits', 'Loro'),
      'map, writes per s: quorate / Yjs': faster('last-writer-wins map', 'edits', 'Yjs'),
      'cart, adds per s: quorate / Loro': faster('cart', 'edits', 'Loro'),
      'size: yjs / whole of ours': of('size', 'all', 'yjs', '@quorate/crdt'),
      'size: json-joy / whole of ours': of('size', 'all', 'json-joy', '@quorate/crdt'),
      'size: yjs / cart of ours': of('size', 'all', 'yjs', '@quorate/crdt/cart'),
    }
  },
})

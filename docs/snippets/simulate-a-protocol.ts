// #region node
import { type Env, group, type Rpc, rpcOf, type Scenario } from '@quorate/chaos/sim'

/** Keeps records like `<7>` in a file. It starts again after every crash, with what its disk has kept. */
export async function store(env: Env): Promise<void> {
  const text = (await env.disk.read('log')) ?? ''
  // A crash can tear a record in two, so each has a beginning and an end.
  const kept = new Set(text.match(/<\w+>/g))
  const rpc = rpcOf(env)
  rpc.serve('add', async (value: string) => {
    kept.add(value)
    await env.disk.append('log', value)
    await env.disk.fsync('log')
  })
  rpc.serve('list', () => [...kept])
}
// #endregion node

// #region scenario
export type Call = { readonly add: string } | 'list'

export function storeScenario(program: typeof store): Scenario<Rpc, Call, readonly string[] | undefined> {
  return {
    name: 'store',
    nodes: { store: program },
    clients: group('client', 2, rpcOf),
    workload: ({ random, clients }) =>
      Array.from({ length: 10 }, (_, index) => ({
        on: random() < 0.5 ? clients[0]! : clients[1]!,
        afterMs: Math.floor(random() * 30),
        call: random() < 0.5 ? { add: `<${index}>` } : 'list',
      })),
    perform: async (rpc, call) => {
      if (call === 'list') return rpc.call('store', 'list')
      await rpc.call('store', 'add', call.add)
      return undefined
    },
    // What was acknowledged before a list was asked for must be in the list.
    check: ({ history }) => {
      for (const list of history) {
        if (list.call !== 'list' || list.status !== 'ok') continue
        for (const { call, status, end } of history) {
          if (call === 'list' || status !== 'ok' || end > list.start) continue
          if (!list.output?.includes(call.add)) return `${call.add} was acknowledged, and is gone`
        }
      }
      return undefined
    },
  }
}
// #endregion scenario

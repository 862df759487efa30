import { addDependencies, addProcessOrder, addRealTime } from './dependencies.ts'
import type { Happened, Versions } from './evidence.ts'
import { cyclicPart, DATA, GraphBuilder, PROCESS, REAL_TIME } from './graph.ts'
import type { Transactions } from './transactions.ts'

/**
 * How strong an order has a serial execution with these versions: 2 with real time, 1 with the order of processes,
 * 0 with neither, -1 none. Much cheaper than to ask for anomalies by name.
 */
export function serialStrength(input: {
  readonly txns: Transactions
  readonly versions: Versions
  readonly happened: Happened
  readonly stages: number
}): number {
  const { txns, versions, happened, stages } = input
  const builder = new GraphBuilder(txns.count)
  addDependencies(txns, versions, happened, builder)
  if (stages > 1) addProcessOrder(txns, happened, builder)
  if (stages > 2) addRealTime(txns, happened, builder)
  const graph = builder.build()
  const orders = [0, PROCESS, PROCESS | REAL_TIME]
  for (let strength = stages - 1; strength >= 0; strength--)
    if (cyclicPart(graph, DATA | orders[strength]!) === undefined) return strength
  return -1
}

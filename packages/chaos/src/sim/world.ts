import { checkFaults } from './check-faults.ts'
import { copyMessage } from './copy.ts'
import { ANY_LIFE, Engine, type SimEvent } from './engine.ts'
import type { NodeId } from './env.ts'
import type { Fault } from './faults.ts'
import type { FaultTime, LogEntry, Problem } from './history.ts'
import { describe, type LaneOperation, Lanes } from './lanes.ts'
import { Network } from './network.ts'
import { type NodeHost, SimNode } from './node.ts'
import { formatFault } from './plan-codec.ts'
import type { Scenario } from './scenario.ts'
import { streamOf } from './streams.ts'

const DELIVER = 6
const FAULT = 7

export interface WorldOptions<Call> {
  readonly seed: number
  readonly salt: number
  readonly operations: ReadonlyArray<LaneOperation<Call>>
  readonly faults: readonly Fault[]
  readonly trace: boolean
}

/** All nodes of one run, what connects them, and what goes wrong. */
export class World<Api, Call, Output> implements NodeHost {
  readonly engine: Engine
  readonly nodes: readonly NodeId[]
  readonly clients: readonly NodeId[]
  readonly all: readonly SimNode[]
  readonly lanes: Lanes<Api, Call, Output>
  readonly logs: LogEntry[] = []
  readonly trace: string[] = []
  readonly faultTimes: Array<{ -readonly [K in keyof FaultTime]: FaultTime[K] }> = []
  messages = 0
  lost = 0
  duplicated = 0
  readonly #options: WorldOptions<Call>
  readonly #network: Network
  readonly #byId = new Map<NodeId, SimNode>()
  readonly #healUs: number
  readonly #settleUs: number
  readonly #trace: ((line: () => string) => void) | undefined

  constructor(scenario: Scenario<Api, Call, Output>, options: WorldOptions<Call>) {
    const { seed, salt, operations, faults, trace } = options
    const { nodes = {}, clients, livenessMs = 10_000, settleMs = 0, maxEvents = 1_000_000 } = scenario
    this.#options = options
    if (trace) this.#trace = (line) => this.#note(line)
    this.engine = new Engine({
      maxEvents,
      onIdle: () =>
        this.#stuck('deadlock', 'nothing is planned that could go on, and real I/O does not count'),
      onLate: () => this.#stuck('liveness', `not done ${livenessMs} ms after the last fault`),
    })
    this.nodes = Object.keys(nodes)
    this.clients = Object.keys(clients)
    this.#network = new Network(this.nodes.length + this.clients.length, seed, salt, scenario.network)
    this.all = [
      ...this.nodes.map((id, index) => new SimNode(this, id, index, false, nodes[id] as never)),
      ...this.clients.map(
        (id, index) => new SimNode(this, id, this.nodes.length + index, true, clients[id] as never),
      ),
    ]
    for (const node of this.all) this.#byId.set(node.id, node)
    this.lanes = new Lanes(this.clients, operations, {
      engine: this.engine,
      perform: scenario.perform,
      onDone: () => this.#onDone(),
      trace: this.#trace,
    })
    this.#settleUs = settleMs * 1_000
    checkFaults(faults, (id) => this.#byId.has(id))
    this.#healUs = this.#planFaults(faults)
    for (const node of this.all) node.planStart()
    this.engine.deadlineUs = this.#healUs + (this.lanes.longestWaitMs + livenessMs) * 1_000
    if (this.lanes.isDone) this.#onDone()
  }

  stream(name: `disk/${string}` | `node/${string}`): () => number {
    return streamOf(this.#options.seed, name, this.#options.salt)
  }

  send(from: SimNode, to: NodeId, message: unknown): void {
    const target = this.#byId.get(to)
    if (target === undefined) throw new RangeError(`Cannot send to "${to}": there is no such node`)
    this.messages++
    const copy = copyMessage(message)
    const { nowUs } = this.engine
    const atUs = this.#network.arrivalUs(nowUs, from.index, target.index)
    if (from !== target && (this.#network.isCut(from.index, target.index) || this.#network.loses())) {
      this.#lose(copy, from, target)
      return
    }
    // What a node sends to itself does not leave the machine, and ends with it.
    const life = from === target ? target.life : ANY_LIFE
    this.engine.plan(atUs, DELIVER, target, this.#deliver, copy, from, life)
    if (from === target || !this.#network.duplicates()) return
    this.duplicated++
    const againUs = this.#network.arrivalUs(nowUs, from.index, target.index)
    this.engine.plan(againUs, DELIVER, target, this.#deliver, copyMessage(copy), from, ANY_LIFE)
  }

  readonly #deliver = (event: SimEvent): boolean => {
    const target = event.target as SimNode
    const from = event.second as SimNode
    if (!target.isUp || (from !== target && this.#network.isCut(from.index, target.index))) {
      this.#lose(event.first, from, target)
      return false
    }
    this.#trace?.(() => `${target.id} gets ${describe(event.first)} from ${from.id}`)
    target.accept(event.first, from.id)
    return true
  }

  #lose(message: unknown, from: SimNode, target: SimNode): void {
    this.lost++
    this.#trace?.(() => `lost: ${describe(message)} from ${from.id} to ${target.id}`)
  }

  log(node: SimNode, text: string, data: unknown): void {
    this.logs.push({ atMs: this.engine.nowUs / 1_000, node: node.id, text, data })
    this.#trace?.(() => `${node.id} says ${text}${data === undefined ? '' : ` ${describe(data)}`}`)
  }

  onReady(node: SimNode): void {
    if (node.isClient) this.lanes.onReady(node)
  }

  onCrash(node: SimNode): void {
    if (node.isClient) this.lanes.onCrash(node)
  }

  #onDone(): void {
    const { nowUs } = this.engine
    this.engine.endUs = this.#settleUs === 0 ? nowUs : Math.max(nowUs, this.#healUs) + this.#settleUs
    this.engine.deadlineUs = Infinity
  }

  /** @returns when the last one is over. */
  #planFaults(faults: readonly Fault[]): number {
    let healUs = 0
    for (const fault of faults) {
      const atUs = Math.round(fault.atMs * 1_000)
      const endUs = atUs + Math.round(fault.forMs * 1_000)
      this.engine.plan(atUs, FAULT, undefined, () => this.#change(fault, true))
      this.engine.plan(endUs, FAULT, undefined, () => this.#change(fault, false))
      healUs = Math.max(healUs, endUs)
    }
    return healUs
  }

  #change(fault: Fault, begins: boolean): boolean {
    this.#trace?.(() => `${begins ? '*** ' : 'over: '}${formatFault(fault)}`)
    this.#clock(fault, begins)
    switch (fault.kind) {
      case 'cut':
      case 'loss':
      case 'duplicate':
      case 'delay':
        this.#network.change(fault, begins, (id) => this.#named(id).index)
        return false
      case 'crash':
        if (begins) this.#named(fault.node).crash(fault.mixed)
        else this.#named(fault.node).restart()
        return false
      case 'pause':
        if (begins) this.#named(fault.node).pause()
        else this.#named(fault.node).resume()
        return false
      case 'skew':
        this.#named(fault.node).skew(begins ? fault.byMs : -fault.byMs)
        return false
      case 'slow-disk':
        this.#named(fault.node).slowDiskMs += begins ? fault.byMs : -fault.byMs
        return false
      case 'drift':
        this.#named(fault.node).drift(begins ? fault.ppm : -fault.ppm)
        return false
      default:
        return fault satisfies never
    }
  }

  #clock(fault: Fault, begins: boolean): void {
    const place = this.engine.nextPlace()
    const ms = this.engine.nowUs / 1_000
    if (begins) {
      this.faultTimes.push({ fault, start: place, end: Infinity, startMs: ms, endMs: Infinity })
      return
    }
    const entry = this.faultTimes.find((one) => one.fault === fault && one.end === Infinity)
    if (entry === undefined) return
    entry.end = place
    entry.endMs = ms
  }

  #named(id: NodeId): SimNode {
    return this.#byId.get(id) as SimNode
  }

  #stuck(kind: 'deadlock' | 'liveness', why: string): Problem {
    const pending = this.lanes.pending.map(({ on, call, startMs }) => {
      return `${on} waits in ${describe(call)} since ${startMs} ms (${this.#waitsFor(on)})`
    })
    const waiting = this.lanes.waiting.map(
      (id) => `${id} has not begun its next operation (${this.#waitsFor(id)})`,
    )
    const message = `At ${this.engine.nowUs / 1_000} ms, ${why}: ${[...pending, ...waiting].join('; ')}`
    return { kind, message }
  }

  #waitsFor(id: NodeId): string {
    const node = this.#named(id)
    if (!node.isUp) return 'the node is down'
    const planned = this.engine.heap.items.filter(
      ({ target, life, act }) => target === node && life === node.life && act !== undefined,
    )
    const waits = [
      ...(planned.length > 0 ? [`${planned.length} of its sleeps or disk calls are under way`] : []),
      ...(node.receivers.length > 0 ? ['it waits for a message in receive()'] : []),
      ...(node.handler !== undefined ? ['it has a message handler'] : []),
      ...(node.tasks.length > 0 ? [`tasks: ${node.tasks.join(', ')}`] : []),
    ]
    return waits.length > 0
      ? waits.join(', ')
      : 'for nothing that the simulator knows: real I/O, or a promise that nobody settles'
  }

  #note(line: () => string): void {
    this.trace.push(`${(this.engine.nowUs / 1_000).toFixed(3).padStart(10)} ${line()}`)
  }
}

// Feeds one decoder after the other with what nobody should have sent. Runs in a process of its own, whose heap is
// small: what takes memory out of proportion ends the process.
import { DecodeError } from '@quorate/vector-clock'
import { DuplicateReplicaError, PendingOverflowError } from '../src/index.ts'
import { SUBJECTS } from './all-subjects.ts'
import { hex, place, play } from './play.ts'
import { stream } from './random.ts'
import type { AnyCrdt, Subject } from './subjects.ts'

export interface HostileTask {
  readonly type: string
  readonly seed: number
  readonly inputs: number
}

export interface HostileReport {
  /** Inputs that were refused, and those that were a state after all. */
  readonly refused: number
  readonly valid: number
  /** What went wrong, with the input: empty if nothing did. */
  readonly wrong: readonly string[]
}

/** Bytes of real states and deltas, changed. */
function* hostile({ seed, inputs }: HostileTask, subject: Subject): Generator<Uint8Array> {
  const random = stream(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  let real: readonly Uint8Array[] = []
  for (let input = 0; input < inputs; input++) {
    if (input % 500 === 0) {
      const { replicas, deltas } = play(subject, seed + input, 40)
      real = [...replicas, ...deltas].map((one) => one.encode())
    }
    const good = real[below(real.length)] ?? new Uint8Array(0)
    const bytes = [...good]
    const kind = below(6)
    if (kind === 0) bytes.length = below(bytes.length + 1)
    else if (kind === 1)
      bytes.splice(below(bytes.length), 0, ...Array.from({ length: 1 + below(8) }, () => below(256)))
    else if (kind === 2) bytes.splice(below(bytes.length), 1 + below(4))
    else if (kind === 3) {
      // A large number where a small one was.
      bytes.splice(below(bytes.length), 1, ...[255, 255, 255, 255, 255, 255, 255].slice(below(7)), below(16))
    } else if (kind === 4) {
      const donor = real[below(real.length)] ?? good
      const at = below(Math.min(bytes.length, donor.length))
      bytes.splice(at, bytes.length, ...donor.slice(at))
    } else for (let left = 1 + below(3); left > 0; left--) bytes[2 + below(bytes.length - 2)] = below(256)
    yield Uint8Array.from(bytes)
  }
}

/** `refused`, with the state as it was, or `valid`, a state that can be used; else what is wrong. */
function judge(subject: Subject, bytes: Uint8Array, target: AnyCrdt, before: string): string {
  let state: AnyCrdt
  try {
    state = subject.decode(bytes, place('victim'))
  } catch (error) {
    if (!isRefusal(error)) return `decode threw ${String(error)}`
    try {
      target.merge(bytes)
      return 'merge took what decode refused'
    } catch (again) {
      if (!isRefusal(again)) return `merge threw ${String(again)}`
      if (hex(target) !== before) return 'what was refused has changed the state'
    }
    return 'refused'
  }
  if (!Buffer.from(state.encode()).equals(bytes)) return 'a second spelling of a state was taken'
  const copy = subject.fromJSON(JSON.parse(JSON.stringify(state)), place('victim'))
  if (hex(copy) !== hex(state)) return 'JSON does not come back'
  subject.edit(state, stream(1), 'after')
  void state.value
  return judgeMerge(subject, bytes, target, before) ?? 'valid'
}

/** What is a state alone may contradict what is there; else it makes another state, which comes back. */
function judgeMerge(
  subject: Subject,
  bytes: Uint8Array,
  target: AnyCrdt,
  before: string,
): string | undefined {
  const reader = target.clone({ replica: 'reader' })
  try {
    reader.merge(bytes)
  } catch (error) {
    if (!isRefusal(error)) return `merge threw ${String(error)}`
    return hex(reader) === before ? undefined : 'what was refused has changed the state'
  }
  subject.edit(reader, stream(2), 'after')
  return hex(subject.decode(reader.encode(), place('x'))) === hex(reader)
    ? undefined
    : 'the state does not come back'
}

/** What a peer may do wrong, or too much of. */
const isRefusal = (error: unknown): boolean =>
  error instanceof DecodeError ||
  error instanceof PendingOverflowError ||
  error instanceof DuplicateReplicaError

export function attack(task: HostileTask): HostileReport {
  const subject = SUBJECTS.find(({ name }) => name === task.type)
  if (subject === undefined) throw new Error(`there is no type ${task.type}`)
  const target = play(subject, task.seed).replicas[0] as AnyCrdt
  const before = hex(target)
  let refused = 0
  let valid = 0
  const wrong: string[] = []
  for (const bytes of hostile(task, subject)) {
    let answer: string
    try {
      answer = judge(subject, bytes, target, before)
    } catch (error) {
      answer = `a state that was taken cannot be used: ${String(error)}`
    }
    if (answer === 'refused') refused++
    else if (answer === 'valid') valid++
    else if (wrong.length < 5) wrong.push(`${answer}: ${Buffer.from(bytes).toString('hex')}`)
  }
  return { refused, valid, wrong }
}

const [task] = process.argv.slice(2)
if (task !== undefined) process.send?.(attack(JSON.parse(task) as HostileTask))

import { Journal } from '../replay/journal.ts'
import { assertReadable, type OrdersFile, readOrdersFile } from '../replay/orders-file.ts'
import { assertPortFree } from './assert-port-free.ts'
import { assertWritable } from './assert-writable.ts'
import type { CliOptions } from './options.ts'
import { Screen } from './screen.ts'
import { createState, resumeState, type StateDirectory } from './state-directory.ts'
import { UsageError } from './usage-error.ts'

/** Replays a file of real orders, prints the closing report and says by the exit code whether all invariants hold. */
export async function replayOrders(options: CliOptions, signal: AbortSignal): Promise<number> {
  const screen = new Screen()
  // All that can be wrong with the command is found before anything is started.
  if (options.orders !== undefined) await assertReadable(options.orders)
  if (options.report !== undefined) await assertWritable(options.report)
  await assertPortFree(options.port)
  const { state, journal, file } = options.resume ? await reopen(options) : await begin(options)

  // What could be gone on with before still can, whatever comes of this start.
  let keepState = options.resume
  try {
    // Loaded late, so that what is wrong with the command is said at once.
    const { replayInShop } = await import('./replay-in-shop.ts')
    return await replayInShop({
      options,
      journal,
      file,
      dataDir: state.dataDir,
      screen,
      signal,
      keep: (isKept) => (keepState = isKept),
    })
  } finally {
    // Ctrl-C means "enough", unless the person named a folder to keep; anything else can be gone on with.
    if (signal.aborted && options.state === undefined) keepState = false
    const where = options.state === undefined ? '' : ` --state ${options.state}`
    if (keepState) screen.print(`The replay was cut off; npm start -- --resume${where} goes on with it.`)
    else state.remove()
  }
}

async function begin(
  options: CliOptions,
): Promise<{ state: StateDirectory; journal: Journal; file: OrdersFile }> {
  const path = options.orders ?? ''
  const file = await readOrdersFile(path)
  const state = createState(options.state)
  const journal = Journal.create(state.path, {
    version: 1,
    orders: path,
    sha256: file.sha256,
    times: options.times,
    concurrency: options.concurrency,
  })
  return { state, journal, file }
}

async function reopen(
  options: CliOptions,
): Promise<{ state: StateDirectory; journal: Journal; file: OrdersFile }> {
  const state = resumeState(options.state)
  const journal = Journal.open(state.path)
  if (journal === undefined)
    throw new UsageError(`Nothing to resume in ${state.path}; start with --orders FILE`)
  const file = await readOrdersFile(options.orders ?? journal.header.orders)
  if (file.sha256 !== journal.header.sha256) {
    throw new UsageError(
      `Cannot resume: ${file.path} is not the file the replay began with (${journal.header.orders}); give that one, or start anew without --resume`,
    )
  }
  return { state, journal, file }
}

import { waitOrAbort } from '@quorate/core'
import { startShop } from '../shop.ts'
import { tellStory } from '../story/story.ts'
import { assertPortFree } from './assert-port-free.ts'
import type { CliOptions } from './options.ts'
import { Screen } from './screen.ts'
import { showStart } from './show-start.ts'
import { interruptedReplays } from './state-directory.ts'

/** Brings the shop up, tells the story, and unless `--once` stays until Ctrl-C. */
export async function runStory(options: CliOptions, signal: AbortSignal): Promise<number> {
  const screen = new Screen()
  await assertPortFree(options.port)
  const startMs = performance.now()
  await using shop = await startShop({
    ...(options.port === undefined ? {} : { ports: { gateway: options.port } }),
    ...(options.log === undefined ? {} : { logFile: options.log }),
    overselling: options.overselling,
    signal,
    onProgress: showStart(screen),
  })
  screen.print(`ShopFleet is up in ${((performance.now() - startMs) / 1_000).toFixed(1)} s`)
  screen.print('')
  const say = (line: string): void => {
    signal.throwIfAborted()
    screen.print(line)
  }
  await waitOrAbort(tellStory(shop, say), signal)
  screen.print('')
  const [interrupted] = interruptedReplays()
  if (interrupted !== undefined) {
    screen.print(
      `A replay that was cut off waits in ${interrupted}: npm start -- --resume goes on with it, removing the folder drops it.`,
    )
  }
  if (options.once) return 0
  screen.print(`Storefront: ${shop.gatewayUrl}   (Ctrl-C ends everything)`)
  await new Promise<void>((done) => {
    if (signal.aborted) done()
    else signal.addEventListener('abort', () => done(), { once: true })
  })
  screen.print('Stopping …')
  return 0
}

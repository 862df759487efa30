/**
 * Shows that something long is going on: a line that counts seconds on a terminal, a line now and then
 * elsewhere, and at the end how long it took.
 *
 * @template T
 * @param {string} what as "fetching Node 24"
 * @param {() => Promise<T>} work
 * @param {{ stream?: NodeJS.WriteStream | { isTTY?: boolean, write(text: string): unknown }, everyMs?: number, detail?: () => string }} [options]
 *   `detail`: what to add to the line while it runs
 * @returns {Promise<T>}
 */
export async function withProgress(what, work, { stream = process.stderr, everyMs, detail } = {}) {
  const started = performance.now()
  const seconds = () => ((performance.now() - started) / 1000).toFixed(1)
  const now = () => [`${what} …`, detail?.(), `${Math.round(Number(seconds()))} s`].filter(Boolean).join(' ')
  const tty = stream.isTTY === true
  stream.write(tty ? `\r${now()}` : `${what} …\n`)
  const timer = setInterval(
    () => stream.write(tty ? `\r\u001b[K${now()}` : `  ${now()}\n`),
    everyMs ?? (tty ? 500 : 10_000),
  )
  const clear = tty ? '\r\u001b[K' : ''
  try {
    const result = await work()
    stream.write(`${clear}${what}: done in ${seconds()} s\n`)
    return result
  } catch (error) {
    stream.write(`${clear}${what}: failed after ${seconds()} s\n`)
    throw error
  } finally {
    clearInterval(timer)
  }
}

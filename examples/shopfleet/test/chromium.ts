import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** Path of a Chromium of this machine: `CHROME_BIN`, or one in the `PATH`. */
export function findChromium(): string | undefined {
  const folders = process.env['PATH']?.split(delimiter) ?? []
  const places = [
    process.env['CHROME_BIN'] ?? '',
    ...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))),
  ]
  return places.find((path) => path !== '' && isExecutable(path))
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

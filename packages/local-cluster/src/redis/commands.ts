import { Redis } from 'ioredis'

/** Sends one command to a server of this machine, on a connection of its own. */
export function ask(port: number, command: string, ...args: (string | number)[]): Promise<string> {
  return askAt(`redis://127.0.0.1:${port}`, command, ...args)
}

/** Sends one command on a connection of its own. */
export async function askAt(url: string, command: string, ...args: (string | number)[]): Promise<string> {
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 2_000,
    commandTimeout: 5_000,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    return String(await client.call(command, ...args))
  } finally {
    client.disconnect()
  }
}

/** The lines `name:value` of INFO. */
export function factsOf(info: string): ReadonlyMap<string, string> {
  const facts = new Map<string, string>()
  for (const line of info.split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (colon > 0) facts.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return facts
}

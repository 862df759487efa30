/** The part of `localStorage` that is used here. */
export interface StorageLike {
  readonly length: number
  key(index: number): string | null
  getItem(name: string): string | null
  setItem(name: string, value: string): void
  removeItem(name: string): void
}

/** The part of a `BroadcastChannel` that is used here. */
export interface ChannelLike {
  postMessage(message: unknown): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
  close(): void
}

/** The part of the global scope of a window or worker that is used here. */
interface BrowserScope {
  readonly location?: { readonly href: string; readonly origin: string } | undefined
  readonly localStorage?: StorageLike | undefined
  readonly BroadcastChannel?: (new (name: string) => ChannelLike) | undefined
}

/** Where the page or worker is. Looked at when it is needed: nothing may be touched while a server imports this. */
export function place(): BrowserScope['location'] {
  return scope().location
}

function scope(): BrowserScope {
  return globalThis as unknown as BrowserScope
}

/**
 * The browser's storage, if there is one and it may be used. None on a server, which may have one too, but for
 * all its users.
 */
export function browserStorage(): StorageLike | undefined {
  if (place() === undefined) return undefined
  try {
    return scope().localStorage
  } catch {
    return undefined // forbidden: cookies are off, or it is a sandboxed frame
  }
}

/** A channel to the other tabs and workers of this origin. None on a server. */
export function browserChannel(name: string): ChannelLike | undefined {
  if (place() === undefined) return undefined
  const { BroadcastChannel } = scope()
  try {
    return BroadcastChannel === undefined ? undefined : new BroadcastChannel(name)
  } catch {
    return undefined // an opaque origin
  }
}

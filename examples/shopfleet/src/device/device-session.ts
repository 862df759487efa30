/**
 * A device as its owner sees it: a switch that takes it offline, a cart that takes edits all the same, and
 * a word on what is going on. Storage and shop are handed in.
 */
import type { CartLine, CartSyncBody, CartSyncView } from '../api.ts'
import { CartDevice, type SavedDevice } from './cart-device.ts'
import type { Change, MergedChange } from './changes.ts'
import { syncDevice } from './sync-device.ts'

/** As `localStorage` has it. */
export interface DeviceStorage {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
}

/** What the page shows. A new object after each change. */
export interface DeviceView {
  readonly items: readonly CartLine[]
  /** What the shop has not heard of yet. */
  readonly waiting: readonly Change[]
  readonly isOnline: boolean
  readonly isSyncing: boolean
  /** Everything is with the shop, as far as is known here. */
  readonly isSynced: boolean
  /** Why no order can take the cart. */
  readonly overLimit: string | null
  /** What went wrong last; gone when it goes well again. */
  readonly failure: string | null
}

export interface DeviceSessionOptions {
  /** What people call it. */
  readonly label: string
  /** Where it keeps its copy. */
  readonly storageKey: string
  readonly storage: DeviceStorage
  /** `PUT /api/cart/sync`. */
  readonly send: (body: CartSyncBody) => Promise<CartSyncView>
  /** The device had its say and heard what others did. */
  readonly onSynced?: (synced: Synced) => void
}

export interface Synced {
  /** What others did. */
  readonly changes: readonly MergedChange[]
  /** The shop has heard something new, which other devices will want to know. */
  readonly handedIn: boolean
}

interface Stored {
  readonly isOnline: boolean
  readonly device: SavedDevice
}

export class DeviceSession {
  readonly label: string
  readonly #options: DeviceSessionOptions
  readonly #listeners = new Set<() => void>()
  #device: CartDevice
  #isOnline = true
  #isOpen = true
  #syncing: Promise<void> | undefined
  #syncAgain = false
  #overLimit: string | null = null
  #failure: string | null = null
  #view: DeviceView

  constructor(options: DeviceSessionOptions) {
    this.label = options.label
    this.#options = options
    this.#device = this.#load()
    this.#view = this.#look()
  }

  get view(): DeviceView {
    return this.#view
  }

  /** The name it edits under. */
  get replica(): string {
    return this.#device.replica
  }

  /** @returns how to stop listening. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** All that the device has, to go with a checkout. */
  get state(): string {
    return this.#device.state()
  }

  /** An order took these lines out of the cart; see {@link CartDevice.ordered}. */
  ordered(removal: string): void {
    const changes = this.#device.ordered(removal)
    this.#changed()
    this.#options.onSynced?.({ changes, handedIn: false })
  }

  /** More or less of a product, online or not. What the cart cannot take is told in `failure`. */
  edit(change: (device: CartDevice) => void): boolean {
    try {
      change(this.#device)
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      this.#fail(error.message)
      return false
    }
    this.#failure = null
    this.#changed()
    void this.sync()
    return true
  }

  setOnline(isOnline: boolean): void {
    this.#isOnline = isOnline
    this.#failure = null
    this.#changed()
    void this.sync()
  }

  /** While closed, it neither sends nor stores: another tab may have the device. */
  setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen
  }

  /** Syncs if it is online. One at a time: who asks during a sync gets another one after it. */
  async sync(): Promise<void> {
    if (!this.#isOnline || !this.#isOpen) return undefined
    this.#syncAgain = this.#syncing !== undefined
    this.#syncing ??= this.#syncAll()
    return this.#syncing
  }

  async #syncAll(): Promise<void> {
    // Not before the caller has this promise in hand.
    await Promise.resolve()
    try {
      do {
        this.#syncAgain = false
        await this.#syncOnce()
      } while (this.#syncAgain && this.#isOnline && this.#isOpen && this.#failure === null)
    } finally {
      this.#syncing = undefined
      this.#show()
    }
  }

  async #syncOnce(): Promise<void> {
    this.#show()
    try {
      const handedIn = this.#device.isWaiting
      const changes = await this.#exchange()
      this.#failure = null
      this.#options.onSynced?.({ changes, handedIn })
    } catch (error) {
      // Also offline in the middle: the answer of a request that was under way is not waited for.
      if (this.#isOnline && this.#isOpen) this.#fail(error instanceof Error ? error.message : String(error))
    }
  }

  async #exchange(): Promise<MergedChange[]> {
    try {
      return await syncDevice(this.#device, this.#send, this.#store)
    } catch (error) {
      if (!isDuplicate(error)) throw error
      this.#device = this.#device.renamed()
      return syncDevice(this.#device, this.#send, this.#store)
    }
  }

  readonly #send = async (body: CartSyncBody): Promise<CartSyncView> => {
    const answer = await this.#options.send(body)
    if (!this.#isOnline || !this.#isOpen) throw new Error('Went offline before the answer came')
    this.#overLimit = answer.overLimit
    return answer
  }

  readonly #store = (): void => {
    if (!this.#isOpen) return
    const stored: Stored = { isOnline: this.#isOnline, device: this.#device.save() }
    this.#options.storage.setItem(this.#options.storageKey, JSON.stringify(stored))
  }

  #load(): CartDevice {
    const text = this.#options.storage.getItem(this.#options.storageKey)
    if (text === null) return CartDevice.create(this.label)
    try {
      const { isOnline, device } = JSON.parse(text) as Stored
      const loaded = CartDevice.load(device)
      this.#isOnline = isOnline
      return loaded
    } catch {
      // Under a new name: what was lost may have been handed in under the old one.
      this.#failure = 'What this device had stored cannot be read; it begins anew with what the shop has'
      return CartDevice.create(this.label)
    }
  }

  #changed(): void {
    try {
      this.#store()
    } catch {
      this.#failure =
        'This browser stores nothing more; changes are lost when the page is closed before a sync'
    }
    this.#show()
  }

  #fail(message: string): void {
    this.#failure = message
    this.#show()
  }

  #show(): void {
    this.#view = this.#look()
    for (const listener of this.#listeners) listener()
  }

  #look(): DeviceView {
    return {
      items: this.#device.items(),
      waiting: this.#device.waiting(),
      isOnline: this.#isOnline,
      isSyncing: this.#syncing !== undefined,
      isSynced: !this.#device.isWaiting,
      overLimit: this.#overLimit,
      failure: this.#failure,
    }
  }
}

function isDuplicate(error: unknown): boolean {
  const { problem } = (error ?? {}) as { problem?: { code?: string } }
  return problem?.code === 'duplicate-device'
}

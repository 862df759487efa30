import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import type { OrderView } from '../../src/api.ts'
import type { Change } from '../../src/device/changes.ts'
import { DeviceSession, type DeviceView } from '../../src/device/device-session.ts'
import { lwwEdit, lwwFrom, lwwQuantity, lwwSync, type LwwCarts } from '../../src/device/lww-cart.ts'
import { DEVICES, writerOf, type DeviceName } from './device-names.ts'
import type { Shop } from './shop.ts'
import { useStored } from './use-stored.ts'

/** Online devices look for news this often. */
const POLL_MS = 2_000
const KEPT_MERGES = 6

/** What a device learnt in one sync. */
export interface Merge {
  readonly id: string
  readonly device: DeviceName
  /** Which of the two had been offline meanwhile. */
  readonly offline: readonly DeviceName[]
  readonly changes: readonly (Change & { readonly writer: string })[]
}

export interface Devices {
  readonly views: Readonly<Record<DeviceName, DeviceView>>
  readonly merges: readonly Merge[]
  /** What the last write would have made of all since a device went offline; `null` if none did. */
  readonly lww: LwwCarts | null
  readonly add: (device: DeviceName, sku: string) => void
  readonly setQuantity: (device: DeviceName, sku: string, quantity: number) => void
  readonly setOnline: (device: DeviceName, isOnline: boolean) => void
  /** Hands in what waits, runs the checkout with all that the device has, and lets the devices learn what it took. */
  readonly checkout: (
    device: DeviceName,
    order: (cart: string) => Promise<Pick<OrderView, 'cartRemoval'>>,
  ) => Promise<void>
}

type Sessions = Readonly<Record<DeviceName, DeviceSession>>

/** Two devices of one user. Each keeps its own replica of the cart in this browser. */
export function useDevices(shop: Shop, user: string): Devices {
  const [merges, setMerges] = useState<readonly Merge[]>([])
  const [lww, setLww] = useStored<LwwCarts | null>(`lww.${user}`, null, isLww)
  /** Devices that were offline and whose edits the other has not heard of yet. */
  const cameBack = useRef(new Set<DeviceName>())

  const sessions = useMemo((): Sessions => {
    const sessionOf = (name: DeviceName): DeviceSession =>
      new DeviceSession({
        label: name,
        storage: localStorage,
        storageKey: `cart.${user}.${name}`,
        send: (body) => shop.syncCart(body),
        onSynced: ({ changes, handedIn }) => {
          const own = DEVICES.map((device) => open[device].replica)
          // With somebody else's edits in it the comparison would not be fair.
          const isOurs = changes.every(({ by }) => by === undefined || own.includes(by))
          setLww((carts) => (carts !== null && isOurs ? lwwSync(carts, name) : null))
          if (changes.length > 0) {
            const merge: Merge = {
              id: crypto.randomUUID(),
              device: name,
              offline: DEVICES.filter((device) => cameBack.current.has(device)),
              changes: changes.map((change) => ({ ...change, writer: writerOf(change, own) })),
            }
            setMerges((list) => [merge, ...list].slice(0, KEPT_MERGES))
          }
          if (DEVICES.every((device) => open[device].view.isOnline && open[device].view.isSynced))
            cameBack.current.clear()
          // As a push of the shop would tell the others at once.
          if (handedIn) for (const other of DEVICES) if (other !== name) void open[other].sync()
        },
      })
    const open: Sessions = { phone: sessionOf('phone'), laptop: sessionOf('laptop') }
    return open
  }, [shop, user, setLww])

  useEffect(() => {
    setMerges([])
    cameBack.current = new Set(DEVICES.filter((name) => !sessions[name].view.isOnline))
    for (const name of DEVICES) sessions[name].setOpen(true)
    const syncAll = (): void => {
      for (const name of DEVICES) void sessions[name].sync()
    }
    syncAll()
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') syncAll()
    }, POLL_MS)
    return () => {
      clearInterval(timer)
      for (const name of DEVICES) sessions[name].setOpen(false)
    }
  }, [sessions])

  const edit = useCallback(
    (name: DeviceName, sku: string, by: number | { readonly to: number }) => {
      const session = sessions[name]
      const done = session.edit((device) =>
        typeof by === 'number' ? device.add(sku, by) : device.setQuantity(sku, by.to),
      )
      if (!done) return
      setLww((carts) => {
        if (carts === null) return null
        const quantity = typeof by === 'number' ? lwwQuantity(carts, name, sku) + by : by.to
        return lwwEdit(carts, name, { sku, quantity }, Date.now())
      })
    },
    [sessions, setLww],
  )

  return {
    views: { phone: useView(sessions.phone), laptop: useView(sessions.laptop) },
    merges,
    lww,
    add: (name, sku) => edit(name, sku, 1),
    setQuantity: (name, sku, to) => edit(name, sku, { to }),
    setOnline: (name, isOnline) => {
      if (!isOnline) {
        cameBack.current.add(name)
        const both = DEVICES.map((device) => sessions[device].view)
        // From a moment at which all have the same, there is something to compare.
        if (both.every((view) => view.isOnline && view.isSynced))
          setLww(lwwFrom(sessions[name].view.items, DEVICES, Date.now()))
      }
      sessions[name].setOnline(isOnline)
    },
    checkout: async (name, order) => {
      await sessions[name].sync()
      const { failure, isOnline } = sessions[name].view
      if (failure !== null || !isOnline) return
      try {
        const { cartRemoval } = await order(sessions[name].state)
        if (cartRemoval !== null) sessions[name].ordered(cartRemoval)
      } finally {
        setLww(null)
        await Promise.all(DEVICES.map((device) => sessions[device].sync()))
      }
    },
  }
}

/** As an older page stored something else. */
function isLww(stored: unknown): stored is LwwCarts | null {
  if (stored === null) return true
  const { shop, devices } = stored as Partial<LwwCarts>
  return Array.isArray(shop?.items) && typeof devices === 'object'
}

function useView(session: DeviceSession): DeviceView {
  const subscribe = useCallback((listener: () => void) => session.subscribe(listener), [session])
  return useSyncExternalStore(subscribe, () => session.view)
}

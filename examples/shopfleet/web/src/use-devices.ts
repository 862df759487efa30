import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from 'react'
import type { MergedChange } from '../../src/device/changes.ts'
import { DeviceSession, type DeviceView } from '../../src/device/device-session.ts'
import { lwwEdit, lwwQuantity, lwwSync, lwwTake, NO_LWW, type LwwCarts } from '../../src/device/lww-cart.ts'
import { DEVICES, type DeviceName } from './device-names.ts'
import type { Shop } from './shop.ts'
import { useStored } from './use-stored.ts'

/** Online devices look for news this often. */
const POLL_MS = 2_000
const KEPT_MERGES = 6

/** What a device learnt in one sync. */
export interface Merge {
  readonly id: string
  readonly device: DeviceName
  readonly afterOffline: boolean
  readonly changes: readonly MergedChange[]
}

export interface Devices {
  readonly views: Readonly<Record<DeviceName, DeviceView>>
  readonly merges: readonly Merge[]
  /** What the last write would have made of the same edits. */
  readonly lww: LwwCarts
  readonly add: (device: DeviceName, sku: string) => void
  readonly setQuantity: (device: DeviceName, sku: string, quantity: number) => void
  readonly setOnline: (device: DeviceName, isOnline: boolean) => void
  /** Hands in what waits, runs the checkout, and lets the devices learn what it took. */
  readonly checkout: (device: DeviceName, order: () => Promise<void>) => Promise<void>
}

type Sessions = Readonly<Record<DeviceName, DeviceSession>>

/** Two devices of one user. Each keeps its own replica of the cart in this browser. */
export function useDevices(shop: Shop, user: string): Devices {
  const [merges, setMerges] = useState<readonly Merge[]>([])
  const [lww, setLww] = useStored<LwwCarts>(`lww.${user}`, NO_LWW)
  const wasOffline = useRef(new Set<DeviceName>())

  const sessions = useMemo((): Sessions => {
    const open = (name: DeviceName): DeviceSession =>
      new DeviceSession({
        label: name,
        storage: localStorage,
        storageKey: `cart.${user}.${name}`,
        send: (body) => shop.syncCart(body),
        onSynced: (changes) => {
          const afterOffline = wasOffline.current.delete(name)
          setLww((carts) => lwwSync(carts, name))
          if (changes.length > 0) {
            const merge: Merge = { id: crypto.randomUUID(), device: name, afterOffline, changes }
            setMerges((list) => [merge, ...list].slice(0, KEPT_MERGES))
          }
        },
      })
    return { phone: open('phone'), laptop: open('laptop') }
  }, [shop, user, setLww])

  useEffect(() => {
    setMerges([])
    wasOffline.current = new Set(DEVICES.filter((name) => !sessions[name].view.isOnline))
    const syncAll = (): void => {
      for (const name of DEVICES) void sessions[name].sync()
    }
    syncAll()
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') syncAll()
    }, POLL_MS)
    return () => clearInterval(timer)
  }, [sessions])

  const edit = useCallback(
    (name: DeviceName, sku: string, by: number | { readonly to: number }) => {
      const session = sessions[name]
      const done = session.edit((device) =>
        typeof by === 'number' ? device.add(sku, by) : device.setQuantity(sku, by.to),
      )
      if (!done) return
      setLww((carts) => {
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
      if (!isOnline) wasOffline.current.add(name)
      sessions[name].setOnline(isOnline)
    },
    checkout: async (name, order) => {
      await sessions[name].sync()
      const { failure, isOnline } = sessions[name].view
      if (failure !== null || !isOnline) return
      try {
        await order()
      } finally {
        await Promise.all(DEVICES.map((device) => sessions[device].sync()))
        const online = DEVICES.filter((device) => sessions[device].view.isOnline)
        // A checkout that was refused at once has taken nothing.
        if (sessions[name].view.items.length === 0)
          setLww((carts) => online.reduce(lwwSync, lwwTake(carts, Date.now())))
      }
    },
  }
}

function useView(session: DeviceSession): DeviceView {
  const subscribe = useCallback((listener: () => void) => session.subscribe(listener), [session])
  return useSyncExternalStore(subscribe, () => session.view)
}

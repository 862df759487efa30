/** PUT /carts/:userId/sync without the sockets: what a device may hand in, and what it gets. Pure. */
import { createCart, type Cart } from '@quorate/crdt/cart'
import { isQuorateError } from '@quorate/core'
import { DecodeError, VersionVector } from '@quorate/vector-clock'
import { sku, type CartSyncBody, type CartSyncView } from '../../api.ts'
import { MAX_CART_BYTES } from '../../limits.ts'
import { Problem } from '../../shared/problem.ts'
import { itemsOf, overLimit } from './rules.ts'

/** What a device handed in, once it is known to be a cart. */
export interface Handed {
  readonly replica: string | undefined
  readonly version: VersionVector
  readonly delta: Uint8Array
  readonly isWhole: boolean
}

const EXAMPLE = createCart({ replica: 'example' }).encode()
/** How bytes of a cart begin. */
const FORMAT = Number(EXAMPLE[0])
const CART = EXAMPLE[1]

/** @throws Problem 400 for what is no cart of this shop. */
export function readHanded({ replica, version, delta, state }: CartSyncBody): Handed {
  const handed = {
    // A device that does not say what it knows cannot be told from another.
    replica: version === undefined ? undefined : replica,
    version: version === undefined ? VersionVector.empty : readVersion(bytesOf(version)),
    delta: bytesOf(delta ?? state ?? ''),
    isWhole: state !== undefined,
  }
  checkCart(handed.delta)
  return handed
}

/**
 * Takes in what a device handed in. Said again, or late, it changes nothing.
 *
 * @returns whether anything was new.
 * @throws Problem 409 or 400 with nothing to be saved.
 */
export function mergeHanded(cart: Cart, { replica, version, delta }: Handed): boolean {
  // A device knows all its own edits, so one of them that it does not know was made by somebody else.
  if (replica !== undefined && cart.version.get(replica) > version.get(replica))
    throw duplicateDevice(replica)
  const isNew = merge(cart, delta)
  if (isNew && cart.encode().length > MAX_CART_BYTES) throw tooLarge('The merged cart')
  return isNew
}

/** What the device lacks, and what the shop has by now. */
export function answerOf(cart: Cart, { version, isWhole }: Handed): CartSyncView {
  const items = itemsOf(cart)
  return {
    items,
    overLimit: overLimit(items),
    version: base64(cart.version),
    delta: base64(cart.deltaSince(version)),
    ...(isWhole ? { state: base64(cart) } : {}),
  }
}

function merge(cart: Cart, delta: Uint8Array): boolean {
  try {
    return cart.merge(delta)
  } catch (error) {
    if (isQuorateError(error) && error.code === 'QUORATE_CRDT_DUPLICATE_REPLICA') {
      throw duplicateDevice((error as { replica?: string }).replica ?? 'this device', error)
    }
    throw error
  }
}

function readVersion(bytes: Uint8Array): VersionVector {
  try {
    return VersionVector.decode(bytes)
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause
    throw new Problem(
      400,
      'wrong-bytes',
      'version: not the bytes of a version vector; hand in the whole state',
      {
        cause,
      },
    )
  }
}

function checkCart(bytes: Uint8Array): void {
  if (bytes.length > MAX_CART_BYTES) throw tooLarge('What was handed in')
  const [format = 0, type] = bytes
  if (format > FORMAT) {
    throw new Problem(
      400,
      'newer-format',
      `Made by a newer program: format ${format}, this shop reads ${FORMAT}; keep the edits, hand them in when the shop has been updated`,
    )
  }
  if (format === FORMAT && type !== undefined && type !== CART) {
    throw new Problem(
      400,
      'wrong-type',
      'These are the bytes of another type than a cart; check what is sent',
    )
  }
  const delta = createCart({ replica: 'reader' })
  try {
    delta.merge(bytes)
  } catch (cause) {
    if (!(cause instanceof DecodeError)) throw cause
    throw new Problem(400, 'wrong-bytes', 'Not the bytes of a cart; hand in what encode() made', { cause })
  }
  const wrong = delta.items().find((item) => sku.safeParse(item.sku).data !== item.sku)
  if (wrong !== undefined) {
    throw new Problem(
      400,
      'wrong-bytes',
      `No product can be called ${JSON.stringify(wrong.sku).slice(0, 60)}`,
    )
  }
}

const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'base64'))
const base64 = (source: { encode(): Uint8Array }): string => Buffer.from(source.encode()).toString('base64')

const tooLarge = (what: string): Problem =>
  new Problem(
    400,
    'too-large',
    `${what} is larger than ${MAX_CART_BYTES} bytes; empty the cart on another device, then sync again`,
  )

function duplicateDevice(replica: string, cause?: unknown): Problem {
  return new Problem(
    409,
    'duplicate-device',
    `Another device edits as ${JSON.stringify(replica)}; go on under a new name and add again what this device had not handed in`,
    { details: { replica }, cause },
  )
}

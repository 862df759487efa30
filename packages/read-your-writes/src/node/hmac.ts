import { createHash, createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto'
import { KEY_ID_BYTES, MAC_BYTES, type TokenSigner } from '../signed-bytes.ts'

const MIN_SECRET_BYTES = 16

/**
 * HMAC-SHA-256 with one key that signs and any number that are still accepted. The id of a key comes
 * from the key itself, so there is nothing else to configure.
 *
 * @throws RangeError if there is no secret, or one is shorter than 16 bytes.
 */
export function hmacSigner(secrets: readonly string[]): TokenSigner {
  const keys = secrets.map((secret) => {
    if (Buffer.byteLength(secret) < MIN_SECRET_BYTES) {
      throw new RangeError(
        `Cannot sign tokens: a secret must have at least ${MIN_SECRET_BYTES} bytes, got ${Buffer.byteLength(secret)}; ` +
          'make one with `openssl rand -base64 32`, and see that the variable it is in is set',
      )
    }
    const key = createSecretKey(secret, 'utf8')
    const id = createHash('sha256')
      .update('quorate read-your-writes key id\0')
      .update(mac(key, Buffer.of()))
      .digest()
    return { id: id.subarray(0, KEY_ID_BYTES), key }
  })
  const [current] = keys
  if (current === undefined)
    throw new RangeError(
      'Cannot sign tokens: secret must name at least one key, got an empty list; pass the one that signs',
    )
  const named = (keyId: Uint8Array): (typeof keys)[number] | undefined =>
    keys.find(({ id }) => id.equals(keyId))
  return {
    keyId: current.id,
    knows: (keyId) => named(keyId) !== undefined,
    sign: (bytes) => mac(current.key, bytes),
    verify: (keyId, bytes, given) => {
      const known = named(keyId)
      return (
        known !== undefined && given.length === MAC_BYTES && timingSafeEqual(mac(known.key, bytes), given)
      )
    },
  }
}

/**
 * What a cluster is called in tokens: by a name of one's own, if it has one, since databases that were cloned
 * from one another have the same system identifier.
 */
export function clusterNamer(name: string | undefined): (cluster: string) => string {
  if (name === undefined) return (cluster) => cluster
  let last: readonly [cluster: string, named: string] | undefined
  return (cluster) => {
    if (last?.[0] === cluster) return last[1]
    const digest = createHash('sha256')
      .update(`quorate read-your-writes cluster\0${name}\0${cluster}`)
      .digest()
    last = [cluster, digest.readBigUInt64BE().toString()]
    return last[1]
  }
}

function mac(key: KeyObject, bytes: Uint8Array): Buffer {
  return createHmac('sha256', key).update(bytes).digest().subarray(0, MAC_BYTES)
}

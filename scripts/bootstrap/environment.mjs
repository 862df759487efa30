import { accessSync, constants, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'

/**
 * The environment for everything started from here.
 *
 * What the outer npm sets for *this* project must not leak into pnpm or an inner npm, except how to reach
 * the registry. A home folder that cannot be written (`nobody`, some CI images) is replaced by one inside
 * the checkout, because npm and pnpm keep their caches there.
 *
 * @param {NodeJS.ProcessEnv} outer
 * @param {string} root the checkout
 * @returns {Record<string, string>}
 */
export function cleanEnvironment(outer, root) {
  /** @type {Record<string, string>} */
  const env = {}
  for (const [key, value] of Object.entries(outer)) {
    if (value === undefined) continue
    if (/^(npm|pnpm)_/i.test(key) && !KEPT.test(key)) continue
    env[key] = value
  }
  if (!isWritableHome(env['HOME'] ?? homedir())) {
    const home = join(root, '.toolchain', 'home')
    try {
      mkdirSync(home, { recursive: true })
      env['HOME'] = home
    } catch {
      // Not fatal: a warm checkout needs no home at all.
    }
  }
  return env
}

/** npm's settings for reaching a registry, in the two spellings that people export themselves. */
const KEPT =
  /^npm_config_(registry|proxy|https?_proxy|noproxy|cafile|ca|strict_ssl|cache|store_dir|prefer_offline|offline|_auth|\/\/)/i

/**
 * @param {Record<string, string>} env
 * @param {readonly (string | undefined)[]} folders put first, in this order
 * @returns {Record<string, string>}
 */
export function withPath(env, folders) {
  const path = [...folders, env['PATH']].filter((part) => part !== undefined && part !== '').join(delimiter)
  return { ...env, PATH: path }
}

/** @param {string} home */
function isWritableHome(home) {
  try {
    accessSync(home, constants.W_OK)
    return true
  } catch {
    return false
  }
}

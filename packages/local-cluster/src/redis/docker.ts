import { CommandFailedError, run } from '../host/run.ts'

/** The image that is run when the system has no Redis of its own. */
export const IMAGE = 'redis:8-alpine'

/** What {@link dockerRedis} needs. */
export interface DockerOptions {
  readonly env: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  readonly onProgress: (detail: string) => void
}

/**
 * Makes sure that Docker can run Redis, and fetches the image if need be. Linux only: elsewhere a
 * container is on another network than its host, and replicas could not find links.
 *
 * @returns the version in the image.
 * @throws Error saying why Docker cannot help.
 */
export async function dockerRedis({ env, signal, onProgress }: DockerOptions): Promise<string> {
  if (process.platform !== 'linux') throw new Error('not used on this platform')
  await run('docker', ['version', '--format', '{{.Server.Version}}'], { env, signal })
  const isThere = await run('docker', ['image', 'inspect', IMAGE], { env, signal }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof CommandFailedError) return false
      throw error
    },
  )
  if (!isThere) {
    onProgress(`docker pull ${IMAGE}`)
    await run('docker', ['pull', '--quiet', IMAGE], { env, signal })
  }
  return run('docker', ['run', '--rm', IMAGE, 'redis-server', '--version'], { env, signal })
}

/** Arguments of `docker` that run a server in the foreground, on the host's network and files. */
export function dockerRun(options: {
  readonly container: string
  readonly dir: string
  readonly uid: number
  readonly gid: number
  readonly settingsFile: string
}): string[] {
  const { container, dir, uid, gid, settingsFile } = options
  return [
    'run',
    '--rm',
    `--name=${container}`,
    '--network=host',
    `--user=${uid}:${gid}`,
    `--mount=type=bind,"src=${dir}","dst=${dir}"`,
    IMAGE,
    'redis-server',
    settingsFile,
  ]
}

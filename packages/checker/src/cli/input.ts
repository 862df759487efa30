import { createReadStream } from 'node:fs'
import { createGunzip } from 'node:zlib'
import { UsageError } from './arguments.ts'

/** All bytes of a file, or of stdin if it is `-`; decompressed if they are gzip. Never more than `maxBytes`. */
export async function readInput(
  file: string,
  stdin: AsyncIterable<Uint8Array | string>,
  maxBytes: number,
): Promise<Uint8Array> {
  const name = file === '-' ? 'stdin' : file
  let bytes: Uint8Array
  try {
    bytes = await collected(file === '-' ? stdin : createReadStream(file), name, maxBytes)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`Cannot read ${name}: ${reasonOf(error as NodeJS.ErrnoException)}`)
  }
  return bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipped(bytes, name, maxBytes) : bytes
}

async function gunzipped(bytes: Uint8Array, name: string, maxBytes: number): Promise<Uint8Array> {
  const gunzip = createGunzip()
  gunzip.end(bytes)
  try {
    return await collected(gunzip, name, maxBytes)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`Cannot read ${name}: it looks like gzip, but ${(error as Error).message}`)
  } finally {
    gunzip.destroy()
  }
}

/** Stops reading as soon as it is too much: a small file can hold many gigabytes of zeros. */
async function collected(
  chunks: AsyncIterable<Uint8Array | string>,
  name: string,
  maxBytes: number,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    const bytes = typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk
    size += bytes.length
    if (size > maxBytes)
      throw new UsageError(`${name} has more than ${maxBytes} bytes; raise --max-bytes if you mean it`)
    parts.push(bytes)
  }
  const all = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.length
  }
  return all
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'there is no such file'
  if (error.code === 'EISDIR') return 'it is a folder'
  if (error.code === 'EACCES') return 'permission denied'
  return error.message
}

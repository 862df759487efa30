import { spawn } from 'node:child_process'

/**
 * Runs a program to its end with no input and keeps what it prints. A signal to us ends it too.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ cwd: string, env: Record<string, string>, onOutput?: (text: string) => void }} options
 * @returns {Promise<{ status: number, output: string }>} status 127 if it cannot be started at all
 */
export function capture(command, args, { cwd, env, onOutput }) {
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
    /** @param {Buffer} chunk */
    const keep = (chunk) => {
      output += chunk.toString()
      onOutput?.(output)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)

    /** @param {NodeJS.Signals} signal */
    const stop = (signal) => {
      child.kill(signal)
      child.once('close', () => process.exit(signal === 'SIGINT' ? 130 : 143))
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
    /** @param {number} status */
    const settle = (status) => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
      resolve({ status, output })
    }
    child.on('error', (error) => {
      output += error.message
      settle(127)
    })
    child.on('close', (code) => settle(code ?? 1))
  })
}

import { shown } from './check-options.ts'
import { validateLevel, type Level } from './level.ts'

/** Settings that the routers of all stores with positions have. */
export interface CommonSettings {
  readonly level: Level
  readonly maxLagMs: number
  readonly probeIntervalMs: number
}

/**
 * Puts what is given in place of defaults. All settings but the level are numbers.
 *
 * @throws RangeError, TypeError for one out of its range.
 */
export function settingsFrom<S extends CommonSettings>(defaults: S, options: object): S {
  const given = Object.entries(options).filter(([name, value]) => name in defaults && value !== undefined)
  const settings: S = { ...defaults, ...(Object.fromEntries(given) as Partial<S>) }
  validateLevel(settings.level)
  for (const [name, value] of Object.entries(settings)) {
    if (name === 'level') continue
    if (typeof value !== 'number') {
      throw new TypeError(`Cannot route reads: ${name} must be a number, got ${shown(value)}`)
    }
    const low = name === 'waitMs' || name === 'maxPrimaryReads' ? 0 : 1
    if (!(value >= low)) {
      throw new RangeError(`Cannot route reads: ${name} must be a number from ${low}, got ${value}`)
    }
  }
  if (settings.maxLagMs > 1_000 * settings.probeIntervalMs) {
    throw new RangeError(
      `Cannot route reads: maxLagMs must be at most 1000 probe intervals, got ${settings.maxLagMs}; ` +
        'raise probeIntervalMs as well',
    )
  }
  return settings
}

import type { AnySaga } from './saga.ts'

/** The definitions an engine has. */
export class Registry {
  readonly names: readonly string[]
  readonly #sagas: readonly AnySaga[]

  /** @throws TypeError for two definitions with one name and version. */
  constructor(sagas: readonly AnySaga[]) {
    for (const { name, version } of sagas) {
      if (sagas.filter((other) => other.name === name && other.version === version).length > 1) {
        throw new TypeError(`Cannot make a saga engine: saga ${name} version ${version} is given twice`)
      }
    }
    this.#sagas = sagas.toSorted((a, b) => b.version - a.version)
    this.names = [...new Set(sagas.map(({ name }) => name))]
  }

  /** @throws TypeError if the engine was not given this definition. */
  assertHas(saga: AnySaga): void {
    if (this.#sagas.includes(saga)) return
    throw new TypeError(
      `Cannot start saga ${saga.name} version ${saga.version}: this engine does not have it; ` +
        `hand the same definition to createSagaEngine({ sagas })`,
    )
  }

  /** The definition of this version; else the newest, which the log is then checked against. */
  pick(name: string, version: number): AnySaga | undefined {
    const named = this.#sagas.filter((saga) => saga.name === name)
    return named.find((saga) => saga.version === version) ?? named[0]
  }

  /** Whether any wait of this name checks its payload. */
  hasSchema(name: string): boolean {
    return this.#sagas.some(({ steps }) =>
      steps.some((step) => step.name === name && step.schema !== undefined),
    )
  }
}

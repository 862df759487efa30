/** One command of a step. */
export interface Command {
  readonly program: string
  readonly args: readonly string[]
  /** Relative to the checkout; default its root. */
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** One line of the test report: commands that run one after the other. */
export interface Step {
  readonly name: string
  /** What it shows when it passes, for `--list`. */
  readonly proves: string
  readonly commands: readonly Command[]
  /** Steps whose output it uses: if one fails, this one cannot be judged and fails too. */
  readonly needs?: readonly string[]
  /** How many of the slots it takes; 2 is the whole machine. */
  readonly slots: 1 | 2
  /** Costly steps are not begun once another step has failed, unless asked to. */
  readonly costly?: boolean
  /** Set for a vitest run: its own report is what counts, and this is where it goes. */
  readonly vitest?: { readonly project: string; readonly report: string; readonly reasons: string }
  /** Set if it starts servers: it gets a temp folder of its own, which must be empty afterwards. */
  readonly startsServers?: boolean
  /** Shows its output while it runs. */
  readonly live?: boolean
}

export interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export interface StepResult extends Counts {
  readonly step: string
  readonly seconds: number
  /** Printed at the end: what failed, or why something was skipped. */
  readonly notes: readonly string[]
  /** All that the commands printed. */
  readonly output: string
}

import { join } from 'node:path'
import { examples, ROOT } from '../lib/workspace.ts'
import type { Command, Step } from './step.ts'

const script = (name: string, ...args: string[]): Command => ({
  program: process.execPath,
  args: [join(ROOT, 'scripts', name), ...args],
})

/** A program of the workspace's own tools; they are on the PATH. */
const tool = (program: string, ...args: string[]): Command => ({ program, args })

/**
 * Every step of `npm test`, in the order in which they begin.
 *
 * @param run folder for the reports, logs and tarballs of this run
 */
export function allSteps(run: string): Step[] {
  return [
    // Long ones first, so that the short ones fill the other core.
    {
      name: 'build',
      proves: 'every package builds, packs, and is right for publint and are-the-types-wrong',
      commands: [script('build.ts', '--tarballs', join(run, 'tarballs'))],
      slots: 1,
    },
    {
      name: 'types',
      proves: 'TypeScript finds nothing in packages, examples, scripts, docs and the bench harness',
      commands: [
        tool('tsc', '-p', 'tsconfig.json'),
        tool('tsc', '-p', 'scripts/tsconfig.json'),
        tool('tsc', '-p', 'bench/harness/tsconfig.json'),
        tool('tsc', '-p', 'docs/tsconfig.json'),
        ...examples()
          .filter(({ manifest }) => manifest.scripts?.['typecheck'] !== undefined)
          .map(({ folder }) => ({ ...tool('pnpm', 'run', 'typecheck'), cwd: join('examples', folder) })),
      ],
      slots: 1,
    },
    {
      name: 'format',
      proves: 'oxfmt would change nothing',
      commands: [tool('oxfmt', '--check', '.')],
      slots: 1,
    },
    {
      name: 'lint',
      proves: 'oxlint finds nothing, types taken into account',
      commands: [tool('oxlint', '--type-aware', '--max-warnings=0')],
      slots: 1,
    },
    {
      name: 'fences',
      proves: 'no hidden clock or chance, no driver in a core, no way around a public entry',
      commands: [script('fences.ts')],
      slots: 1,
    },
    {
      name: 'manifests',
      proves: 'package.json files are complete, and what is published is what is tested',
      commands: [script('manifests.ts')],
      slots: 1,
    },
    {
      name: 'tracked-files',
      proves: 'no path or registry of one machine is committed',
      commands: [script('tracked-files.ts')],
      slots: 1,
    },
    {
      name: 'changesets',
      proves: 'every change that users see has its changeset',
      commands: [script('changesets.ts')],
      slots: 1,
    },
    {
      name: 'readmes',
      proves: 'every ts block of every README compiles by itself',
      commands: [script('readmes.ts')],
      slots: 1,
    },
    {
      name: 'docs',
      proves: 'the site and its API reference build, with no dead link',
      commands: [{ ...tool('pnpm', 'run', 'build'), cwd: 'docs' }],
      slots: 1,
    },
    vitest('unit', run, { proves: 'rules and laws, without servers', slots: 1 }),
    {
      name: 'size',
      proves: 'every entry is within its size limit',
      commands: [script('size.ts')],
      needs: ['build'],
      slots: 1,
    },
    {
      name: 'packed',
      proves: 'the packages work when installed: ESM, CommonJS and TypeScript consumers run',
      commands: [script('packed.ts', '--tarballs', join(run, 'tarballs'))],
      needs: ['build'],
      slots: 1,
      costly: true,
      startsServers: true,
    },
    vitest('integration', run, {
      proves: 'guarantees, on real Postgres and Redis servers; none of them is left over',
      slots: 2,
      costly: true,
      startsServers: true,
      live: true,
    }),
  ]
}

function vitest(project: string, run: string, rest: Omit<Step, 'name' | 'commands' | 'vitest'>): Step {
  const report = join(run, `${project}.json`)
  const reasons = join(run, `${project}-skips.json`)
  const args = [
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ]
  args.push(`--reporter=${join(ROOT, 'scripts', 'pipeline', 'reason-reporter.ts')}`)
  return {
    ...rest,
    name: project,
    commands: [{ ...tool('vitest', ...args), env: { QUORATE_SKIP_REASONS: reasons } }],
    vitest: { project, report, reasons },
  }
}

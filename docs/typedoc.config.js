// @ts-check
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Converter, ReflectionKind } from 'typedoc'
import { documentedPackages } from './lib/packages.ts'

const here = dirname(fileURLToPath(import.meta.url))
const packages = join(here, '..', 'packages')

/**
 * Names each module as people import it: `fenced-lock/src/redis` becomes `fenced-lock/redis`.
 *
 * @param {import('typedoc').Application} app
 */
export function load(app) {
  app.converter.on(Converter.EVENT_CREATE_DECLARATION, (_context, reflection) => {
    if (reflection.kindOf(ReflectionKind.Module)) {
      reflection.name = reflection.name.replace(/\/src(\/|$)/, '$1').replace(/\/index$/, '')
    }
  })
}

export default {
  entryPoints: documentedPackages().flatMap(({ entries }) => entries),
  tsconfig: join(here, 'tsconfig.json'),
  // Types are checked by their own step; here a package that is half done must not hide the others.
  skipErrorChecking: true,
  displayBasePath: packages,
  basePath: packages,
  plugin: ['typedoc-plugin-markdown', 'typedoc-vitepress-theme', load],
  out: join(here, 'api'),
  docsRoot: here,
  readme: 'none',
  name: 'API',
  outputFileStrategy: 'modules',
  hideBreadcrumbs: true,
  disableSources: true,
  excludePrivate: true,
  excludeInternal: true,
  useCodeBlocks: true,
  expandObjects: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  validation: { notExported: false, invalidLink: true, invalidPath: true, rewrittenLink: true },
  treatWarningsAsErrors: true,
}

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

/** A name that cannot be used; the message says what can. */
export class NameError extends Error {}

/**
 * Copies `packages/_template` to `packages/NAME`, with the name filled in, and adds a changeset.
 *
 * @returns the files made, absolute.
 * @throws NameError if the name is not kebab-case, or taken. Nothing is made then.
 */
export function createPackage(root: string, name: string): string[] {
  checkName(root, name)
  const template = join(root, 'packages', '_template')
  const made: string[] = []
  const put = (file: string, text: string): void => {
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text, { flag: 'wx' })
    made.push(file)
  }
  for (const source of filesIn(template)) {
    const file = relative(template, source).replace(/\btemplate(?=\.)/, name)
    const text = fillIn(readFileSync(source, 'utf8'), name)
    put(join(root, 'packages', name, file), file === 'package.json' ? asPublic(text) : text)
  }
  put(join(root, '.changeset', `${name}.md`), `---\n'@quorate/${name}': minor\n---\n\nFirst version.\n`)
  return made
}

function checkName(root: string, name: string): void {
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name) || name.length > 60) {
    throw new NameError(
      `Cannot name a package ${JSON.stringify(name)}: use small letters, digits and single dashes, as in leader-election`,
    )
  }
  if (name === 'template')
    throw new NameError('Cannot name a package template: that is what it is copied from')
  if (existsSync(join(root, 'packages', name))) {
    throw new NameError(`Cannot make packages/${name}: it exists; choose another name or remove it`)
  }
}

/** The template uses its own name in three spellings, and the word for nothing else. */
function fillIn(text: string, name: string): string {
  const pascal = name
    .split('-')
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1))
    .join('')
  const camel = pascal.slice(0, 1).toLowerCase() + pascal.slice(1)
  return text
    .replaceAll(/(?<=@quorate\/|\.\/|"name": ")template\b/g, name)
    .replaceAll('Template', pascal)
    .replaceAll(/\btemplate\b/g, camel)
}

/** The template is private so that it can never be published; its copies are meant to be. */
function asPublic(manifest: string): string {
  const { private: _, ...rest } = JSON.parse(manifest) as Record<string, unknown>
  return `${JSON.stringify(rest, undefined, 2)}\n`
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (['node_modules', 'dist'].includes(entry.name) || entry.name.startsWith('CHANGELOG')) return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? filesIn(path) : [path]
  })
}

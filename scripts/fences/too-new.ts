import ts from 'typescript'
import { declaredNames, isReference, memberAccess } from './ambient.ts'

/** Globals that Node 24 has and Node 22, which the packages promise to run on, has not. */
const GLOBALS = new Set([
  'AsyncDisposableStack',
  'CloseEvent',
  'DisposableStack',
  'Float16Array',
  'SuppressedError',
  'URLPattern',
])
/** The same of members. */
const MEMBERS = new Set([
  'Atomics.pause',
  'Error.isError',
  'Intl.DurationFormat',
  'Math.f16round',
  'Promise.try',
  'RegExp.escape',
])

/**
 * Uses of what the oldest Node has not. Our tests and those of the packed packages run on a newer one, and the build
 * translates syntax (`await using`), not globals.
 */
export function tooNewUses(tree: ts.SourceFile): Array<{ readonly node: ts.Node; readonly what: string }> {
  const own = declaredNames(tree)
  const found: Array<{ readonly node: ts.Node; readonly what: string }> = []
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node)) return
    const access = memberAccess(node)
    const what = access === undefined ? '' : `${access.object}.${access.member}`
    if (access !== undefined && !own.has(access.object)) {
      if (MEMBERS.has(what) || (access.object === 'globalThis' && GLOBALS.has(access.member)))
        found.push({ node, what })
    } else if (ts.isIdentifier(node) && GLOBALS.has(node.text) && isReference(node) && !own.has(node.text)) {
      found.push({ node, what: node.text })
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

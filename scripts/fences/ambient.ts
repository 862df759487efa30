import ts from 'typescript'

export interface AmbientUse {
  readonly node: ts.Node
  readonly message: string
}

const CLOCK = 'take a Clock'
const CHANCE = 'take a Random'

/** Globals that may not be used at all. */
const GLOBALS: Readonly<Record<string, string>> = {
  setTimeout: CLOCK,
  setInterval: CLOCK,
  setImmediate: CLOCK,
  performance: CLOCK,
}

/** Members of globals (and of modules by these names) that may not be used. */
const MEMBERS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  AbortSignal: { timeout: CLOCK },
  Date: { now: CLOCK },
  Math: { random: CHANCE },
  crypto: { getRandomValues: CHANCE, randomBytes: CHANCE, randomInt: CHANCE, randomUUID: CHANCE },
  process: { hrtime: CLOCK, uptime: CLOCK },
  webcrypto: { getRandomValues: CHANCE, randomUUID: CHANCE },
}

const GLOBAL_OBJECTS = new Set(['globalThis', 'global', 'window', 'self'])
const CRYPTO_MODULES = new Set(['crypto', 'node:crypto'])

/**
 * Uses of a clock or of chance that nobody handed in. Works on the syntax alone: a name that the file itself
 * declares (a parameter called `setTimeout`) is not the global one.
 */
export function ambientUses(tree: ts.SourceFile): AmbientUse[] {
  const own = declaredNames(tree)
  const found: AmbientUse[] = []
  const add = (node: ts.Node, what: string, instead: string): void => {
    found.push({ node, message: `hidden ${instead === CLOCK ? 'clock' : 'chance'}: ${what}; ${instead}` })
  }
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node)) return // `typeof setTimeout` in a type calls nothing
    const access = memberAccess(node)
    if (access !== undefined && !own.has(access.object)) {
      const instead = GLOBAL_OBJECTS.has(access.object)
        ? GLOBALS[access.member]
        : MEMBERS[access.object]?.[access.member]
      if (instead !== undefined) add(node, `${access.object}.${access.member}`, instead)
    } else if (
      ts.isIdentifier(node) &&
      isReference(node) &&
      !own.has(node.text) &&
      Object.hasOwn(GLOBALS, node.text)
    ) {
      add(node, node.text, GLOBALS[node.text] ?? CLOCK)
    } else if (ts.isVariableDeclaration(node) && ts.isObjectBindingPattern(node.name)) {
      for (const [object, member] of destructured(node.name, node.initializer)) {
        const instead = GLOBAL_OBJECTS.has(object) ? GLOBALS[member] : MEMBERS[object]?.[member]
        if (instead !== undefined) add(node, `${object}.${member}`, instead)
      }
    } else if (ts.isImportDeclaration(node) && CRYPTO_MODULES.has(textOf(node.moduleSpecifier))) {
      for (const name of importedNames(node)) {
        const instead = MEMBERS['crypto']?.[name]
        if (instead !== undefined) add(node, `crypto.${name}`, instead)
      }
    } else if (isDate(node, own)) {
      add(node, ts.isNewExpression(node) ? 'new Date()' : 'Date()', CLOCK)
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return found
}

/** `a.b`, `a?.b`, `a['b']`, and `globalThis.a.b` as `a.b`. */
export function memberAccess(node: ts.Node): { object: string; member: string } | undefined {
  const member = ts.isPropertyAccessExpression(node)
    ? node.name.text
    : ts.isElementAccessExpression(node)
      ? textOf(node.argumentExpression)
      : ''
  if (member === '') return undefined
  const { expression } = node as ts.PropertyAccessExpression | ts.ElementAccessExpression
  if (ts.isIdentifier(expression)) return { object: expression.text, member }
  const outer = memberAccess(expression)
  return outer !== undefined && GLOBAL_OBJECTS.has(outer.object)
    ? { object: outer.member, member }
    : undefined
}

/** `new Date()` and `Date()` read the clock; with arguments, `new Date(ms)` only converts. */
function isDate(node: ts.Node, own: ReadonlySet<string>): boolean {
  if (!ts.isNewExpression(node) && !ts.isCallExpression(node)) return false
  if (!ts.isIdentifier(node.expression) || node.expression.text !== 'Date' || own.has('Date')) return false
  return ts.isCallExpression(node) || (node.arguments?.length ?? 0) === 0
}

function destructured(
  pattern: ts.ObjectBindingPattern,
  from: ts.Expression | undefined,
): Array<[string, string]> {
  if (from === undefined || !ts.isIdentifier(from)) return []
  return pattern.elements.map((element) => [from.text, textOf(element.propertyName ?? element.name)])
}

/** An identifier that stands for a value, not the name of a property or of a declaration. */
export function isReference(node: ts.Identifier): boolean {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node
  if (ts.isPropertyAssignment(parent)) return parent.initializer === node
  if (ts.isShorthandPropertyAssignment(parent)) return true
  if (ts.isBindingElement(parent)) return parent.initializer === node
  if (ts.isVariableDeclaration(parent) || ts.isParameter(parent)) return parent.initializer === node
  const isName =
    ts.isPropertyDeclaration(parent) ||
    ts.isPropertySignature(parent) ||
    ts.isMethodDeclaration(parent) ||
    ts.isMethodSignature(parent) ||
    ts.isGetAccessorDeclaration(parent)
  if (isName) return parent.name !== node
  return !(ts.isImportSpecifier(parent) || ts.isImportClause(parent) || ts.isNamespaceImport(parent))
}

/** Names that the file declares: parameters, variables, functions, classes, imports. */
export function declaredNames(tree: ts.SourceFile): ReadonlySet<string> {
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    const declares =
      ts.isParameter(node) ||
      ts.isVariableDeclaration(node) ||
      ts.isFunctionDeclaration(node) ||
      ts.isClassDeclaration(node) ||
      ts.isImportSpecifier(node) ||
      ts.isImportClause(node) ||
      ts.isBindingElement(node)
    // A namespace or default import of crypto is still the ambient one.
    if (declares && node.name !== undefined && ts.isIdentifier(node.name)) {
      if (!(ts.isImportClause(node) && Object.hasOwn(MEMBERS, node.name.text))) names.add(node.name.text)
    }
    ts.forEachChild(node, visit)
  }
  visit(tree)
  return names
}

function importedNames(node: ts.ImportDeclaration): string[] {
  const bindings = node.importClause?.namedBindings
  if (bindings === undefined || !ts.isNamedImports(bindings)) return []
  return bindings.elements.map((element) => textOf(element.propertyName ?? element.name))
}

function textOf(node: ts.Node): string {
  return ts.isIdentifier(node) || ts.isStringLiteralLike(node) ? node.text : ''
}

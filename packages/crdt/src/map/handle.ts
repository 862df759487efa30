import type { Delta } from '../crdt.ts'
import type { Content, Live } from '../fragment.ts'
import type { Stamper } from '../stamped.ts'
import type { PathStore } from './path-store.ts'
import type { Payload } from './payload.ts'

/** An edit of a map, or several. */
export type OrMapDelta = Delta<'or-map'>

/** What the handles need of their map. */
export interface Editor {
  readonly replica: string
  readonly store: PathStore
  readonly stamper: Stamper
  /** Makes one edit: takes entries away, puts others in. */
  commit(removed: readonly Live<string, Payload>[], puts: readonly Content<string, Payload>[]): OrMapDelta
}

/** A place in a map. It holds nothing itself: whatever happens to the map, it shows what is there now. */
export abstract class Handle {
  protected readonly editor: Editor
  protected readonly path: string

  /** @internal Use `at()`. */
  constructor(editor: Editor, path: string) {
    this.editor = editor
    this.path = path
  }

  /** Takes away what this replica has seen here; edits made elsewhere meanwhile stay. */
  clear(): OrMapDelta {
    return this.removeAll(this.editor.store.below(this.path))
  }

  protected removeAll(paths: Iterable<string>): OrMapDelta {
    // First the list, then the edit: it changes what `paths` walks.
    const { store } = this.editor
    return this.editor.commit(
      [...paths].flatMap((path) => store.list(path)),
      [],
    )
  }

  /** An entry in place of all that this replica has seen at this path. */
  protected put(path: string, payload: Payload): OrMapDelta {
    const seen = this.editor.store.list(path)
    return this.editor.commit(seen, [{ key: seen[0]?.key ?? path, payload }])
  }
}

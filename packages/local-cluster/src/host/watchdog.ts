import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cleanEnv } from './run.ts'

/**
 * Waits for the end of its input, that is, for the owner's death or its farewell, then ends every
 * server of the registry that is still the process it was, and removes the folder if it is temporary.
 * A shell and not Node: 1 MB instead of 40. Signals of a terminal do not concern it.
 *
 * Registry lines: pid, tab, start time, tab, the signal that makes the server drop everything. They come as
 * input, because whoever kills the owner may remove its folder at once; the word bye is a farewell. Of a server
 * that is killed the children are killed as well, since nobody is left to end them.
 */
const SCRIPT = `
root=$1 registry=$2 mode=$3
trap '' HUP INT TERM QUIT
list=
nl='
'
while IFS= read -r line; do
  [ "$line" = bye ] && exit 0
  list="$list$line$nl"
done
tab=$(printf '\\t')
start_of() {
  if [ -r /proc/self/stat ]; then
    read -r stat 2>/dev/null < "/proc/$1/stat" || return 1
    stat=\${stat##*) }
    set -- $stat
    [ "$1" = Z ] && return 1
    shift 19
    echo "$1"
  else
    ps -o lstart= -p "$1" | sed 's/^ *//; s/ *$//'
  fi
}
is_same() { [ -n "$2" ] && [ "$(start_of "$1" 2>/dev/null)" = "$2" ]; }
children_of() {
  if [ -r "/proc/$1/task/$1/children" ]; then cat "/proc/$1/task/$1/children"
  else ps -A -o pid=,ppid= | awk -v p="$1" '$2 == p { print $1 }'; fi
}
kill_tree() { kill -STOP "$1"; kill -KILL $(children_of "$1") "$1"; }
while IFS="$tab" read -r pid start sig; do
  is_same "$pid" "$start" || continue
  if [ "$sig" = KILL ]; then kill_tree "$pid"; else kill "-$sig" "$pid" && kill -CONT "$pid"; fi
done 2>/dev/null <<END
$list
END
round=0 left=1
while [ "$left" = 1 ] && [ "$round" -lt 100 ]; do
  left=0
  while IFS="$tab" read -r pid start sig; do
    is_same "$pid" "$start" || continue
    left=1
    [ "$round" -ge 30 ] && kill_tree "$pid"
  done 2>/dev/null <<END
$list
END
  round=$((round + 1))
  [ "$left" = 0 ] || sleep 0.05
done
for file in "$root"/postgres/*/*/postmaster.pid; do
  [ -f "$file" ] || continue
  pid=$(sed -n 1p "$file") id=$(sed -n 7p "$file" | awk '{ print $2 }')
  [ -n "$pid" ] && [ -n "$id" ] || continue
  case "$nl$list" in *"$nl$pid$tab"*) ipcrm -m "$id" 2>/dev/null ;; esac
done
rm -f -- "$registry"
[ "$mode" = remove ] && rm -rf -- "$root"
exit 0
`

/** The one small process that outlives its owner, to leave nothing behind. */
export interface Watchdog {
  readonly pid: number
  /** Tells it of a server, before that does anything: a line of the registry. */
  add(line: string): void
  /** Tells it that nothing is left to do, and waits for its end. */
  close(): Promise<void>
  /** Leaves everything to it, as our death would, and waits for its end. */
  abandon(): Promise<void>
}

/**
 * @param root folder of the cluster; removed when the owner dies if `remove` is set.
 * @param registry file with the servers, for whoever finds both of us dead; removed with them.
 */
export async function startWatchdog(options: {
  root: string
  registry: string
  remove: boolean
}): Promise<Watchdog> {
  const { root, registry, remove } = options
  const child: ChildProcess = spawn(
    '/bin/sh',
    ['-c', SCRIPT, 'quorate-watchdog', root, registry, remove ? 'remove' : 'keep'],
    {
      stdio: ['pipe', 'ignore', 'ignore'],
      cwd: '/',
      env: cleanEnv(),
      detached: true, // a session of its own: Ctrl-C and the end of a terminal do not reach it
    },
  )
  await once(child, 'spawn')
  const exited = once(child, 'exit')
  exited.catch(() => {})
  child.stdin?.on('error', () => {})
  child.unref()
  const input = child.stdin as { unref?: () => void } | null
  input?.unref?.()
  const end = async (lastWord: string): Promise<void> => {
    child.ref()
    child.stdin?.end(lastWord)
    await exited
  }
  return {
    pid: child.pid ?? 0,
    // Node hands a short line to the pipe at once, so it is with the watchdog even if we die now.
    add: (line) => void child.stdin?.write(`${line}\n`),
    close: () => end('bye\n'),
    abandon: () => end(''),
  }
}

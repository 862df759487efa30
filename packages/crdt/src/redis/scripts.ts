import { Script } from './client.ts'

// A document is one hash, so that it has one slot, one expiry, and no half of it ever:
//   n        number of the last write
//   b, t     number and tag of the write up to which `s` holds everything
//   s        a state; not there before the first compaction of a document that was begun by an append
//   z        bytes of the deltas
//   b+1 … n  each 16 bytes of tag, then a delta
// A position is a number and the tag of that write: the same number of another history has another tag.

/** Letters of a tag. */
const TAG = 16
/** From here on deltas are folded into the state: their number, and their bytes if the state is smaller. */
const MAX_DELTAS = 100
const MAX_DELTA_BYTES = 4_096

/** Every answer: is it written, does it exist, is it whole, number, tag, is it long, then the parts. */
const PRELUDE = `
local K = KEYS[1]
local function head()
  local v = redis.call('HMGET', K, 'n', 'b', 't')
  if v[1] then return tonumber(v[1]), tonumber(v[2]), v[3] end
end
local function tagAt(i, b, t)
  if i == b then return t end
  return string.sub(redis.call('HGET', K, i) or '', 1, ${TAG})
end
local function passes(at, tag, n, b, t)
  return n and at >= b and at <= n and tagAt(at, b, t) == tag
end
local function forget(from, to)
  for i = from, to do redis.call('HDEL', K, i) end
end
-- For WAIT, which waits for the writes of its own connection: what another one has written is written again here.
local function touch(isAsked)
  if isAsked ~= '1' then return end
  local n = redis.call('HGET', K, 'n')
  if n then redis.call('HSET', K, 'n', n) end
end
local function answer(written, at, tag, own)
  local n, b, t = head()
  if not n then return {written, 0} end
  local whole, from = 1, b
  if passes(at, tag, n, b, t) then whole, from = 0, at end
  local bytes = tonumber(redis.call('HGET', K, 'z') or '0')
  local long = 0
  if n - b >= ${MAX_DELTAS} or bytes > math.max(${MAX_DELTA_BYTES}, redis.call('HSTRLEN', K, 's')) then long = 1 end
  local reply = {written, 1, whole, n, tagAt(n, b, t), long}
  if whole == 1 then
    local s = redis.call('HGET', K, 's')
    if s then reply[#reply + 1] = s end
  end
  for i = from + 1, n - own do
    reply[#reply + 1] = string.sub(redis.call('HGET', K, i), ${TAG + 1})
  end
  return reply
end
`

/** ARGV: number (-1: none) and tag of what is there already; 1 to write the head again, for WAIT to wait for. */
export const READ: Script = new Script(`${PRELUDE}
touch(ARGV[3])
return answer(0, tonumber(ARGV[1]), ARGV[2], 0)
`)

/** ARGV: number and tag of the base (-1: no document), new tag, state, ttl in ms (0: none), 1 if WAIT follows. */
export const REPLACE: Script = new Script(`${PRELUDE}
local n, b, t = head()
local at = tonumber(ARGV[1])
if n then
  if at ~= n or tagAt(n, b, t) ~= ARGV[2] then
    touch(ARGV[6])
    return answer(0, -1, '', 0)
  end
  forget(b + 1, n)
elseif at ~= -1 then
  return {0, 0}
end
local next = (n or 0) + 1
redis.call('HSET', K, 'n', next, 'b', next, 't', ARGV[3], 's', ARGV[4], 'z', 0)
if ARGV[5] ~= '0' then redis.call('PEXPIRE', K, ARGV[5]) else redis.call('PERSIST', K) end
return answer(1, next, ARGV[3], 0)
`)

/** ARGV: as of REPLACE, with a delta for the state. */
export const APPEND: Script = new Script(`${PRELUDE}
local n, b, t = head()
local at = tonumber(ARGV[1])
if n then
  if not passes(at, ARGV[2], n, b, t) then
    touch(ARGV[6])
    return answer(0, -1, '', 0)
  end
elseif at ~= -1 then
  return {0, 0}
end
if not n then redis.call('HSET', K, 'b', 0, 't', '') end
local next = (n or 0) + 1
redis.call('HSET', K, 'n', next, next, ARGV[3] .. ARGV[4])
redis.call('HINCRBY', K, 'z', #ARGV[4])
if ARGV[5] ~= '0' then redis.call('PEXPIRE', K, ARGV[5]) else redis.call('PERSIST', K) end
if n then return answer(1, at, ARGV[2], 1) end
return answer(1, next, ARGV[3], 0)
`)

/** ARGV: number and tag of a position, the state there. */
export const COMPACT: Script = new Script(`${PRELUDE}
local n, b, t = head()
local at = tonumber(ARGV[1])
if not passes(at, ARGV[2], n, b, t) then return 0 end
forget(b + 1, at)
local bytes = 0
for i = at + 1, n do bytes = bytes + redis.call('HSTRLEN', K, i) - ${TAG} end
redis.call('HSET', K, 'b', at, 't', ARGV[2], 's', ARGV[3], 'z', bytes)
return 1
`)

import { Script } from './client.ts'

// Layout, for a lock `name`; all four keys share the hash tag {name}, so they live on one cluster node.
//   prefix:{name}          hash    holder, token; its expiry is the end of the lease
//   prefix:{name}:fence    string  the last token, kept a day longer than the lease
//   prefix:{name}:queue    zset    holders who wait, by arrival
//   prefix:{name}:waiters  hash    holder → "ttlMs untilMs channel"
//
// A free lock is given to the first in the queue at once, by whichever script finds it free: a
// release, an attempt of somebody else, or a waiter who looks again. The new holder is told through
// its process's channel. PUBLISH says how many got the message; nobody means that the process is
// gone, and the next one in the queue is served. So a dead waiter costs nothing.

/** ms; long enough for the time floor of the token to have passed the last token, whatever the traffic. */
const FENCE_MS = 86_400_000

/** Functions the scripts share. Every script reads the time once and uses it throughout. */
const PRELUDE = `
local LOCK, FENCE, QUEUE, WAITERS = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local time = redis.call('TIME')
local us = tonumber(time[1]) * 1000000 + tonumber(time[2])
local ms = math.floor(us / 1000)

local function take(holder, ttl)
  local previous = tonumber(redis.call('GET', FENCE) or '0')
  local token = string.format('%.0f', math.max(previous + 1, us))
  redis.call('SET', FENCE, token, 'PX', ${FENCE_MS} + ttl)
  redis.call('HSET', LOCK, 'holder', holder, 'token', token)
  redis.call('PEXPIRE', LOCK, ttl)
  return token
end

local function leave(holder)
  redis.call('ZREM', QUEUE, holder)
  redis.call('HDEL', WAITERS, holder)
end

local function serve(me)
  while true do
    local first = redis.call('ZRANGE', QUEUE, 0, 0)[1]
    if not first then return nil end
    local waiter = redis.call('HGET', WAITERS, first)
    leave(first)
    if waiter then
      local ttl, untilMs, channel = string.match(waiter, '^(%d+) (%d+) (.+)$')
      if first == me then return me end
      if tonumber(untilMs) > ms then
        local token = take(first, tonumber(ttl))
        local told = redis.call('PUBLISH', channel, first .. ' ' .. token .. ' ' .. string.format('%.0f', us))
        if told > 0 then return first end
        redis.call('DEL', LOCK)
      end
    end
  end
end
`

/**
 * ARGV: holder, ttlMs, waitMs (0: do not queue), channel, most waiters.
 * Returns [1, token, µs] if granted, [0, ms left of the lease, µs, place in the queue] if taken;
 * place -1: not queued, -2: the queue is full.
 */
export const ACQUIRE: Script = new Script(`${PRELUDE}
local me, ttl, wait, channel, most = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[5])
local now = string.format('%.0f', us)
local holder = redis.call('HGET', LOCK, 'holder')
if holder == me then
  -- It was handed to us, but the message was lost. The lease starts anew, because we count from now.
  redis.call('PEXPIRE', LOCK, ttl)
  return {1, redis.call('HGET', LOCK, 'token'), now}
end
if not holder then
  holder = serve(me)
  if not holder or holder == me then
    leave(me)
    return {1, take(me, ttl), now}
  end
end
local place = -1
if wait > 0 then
  if not redis.call('ZSCORE', QUEUE, me) then
    if redis.call('ZCARD', QUEUE) >= most then
      return {0, redis.call('PTTL', LOCK), now, -2}
    end
    local last = redis.call('ZRANGE', QUEUE, -1, -1, 'WITHSCORES')[2]
    redis.call('ZADD', QUEUE, (tonumber(last or '0')) + 1, me)
    redis.call('HSET', WAITERS, me, string.format('%.0f %.0f %s', ttl, ms + wait, channel))
    local keep = math.max(wait, redis.call('PTTL', QUEUE)) + 1000
    redis.call('PEXPIRE', QUEUE, keep)
    redis.call('PEXPIRE', WAITERS, keep)
  end
  place = redis.call('ZRANK', QUEUE, me)
end
return {0, redis.call('PTTL', LOCK), now, place}
`)

/** ARGV: holder. Returns 1 if the holder had the lock. Leaves the queue too, for those who stop waiting. */
export const RELEASE: Script = new Script(`${PRELUDE}
leave(ARGV[1])
if redis.call('HGET', LOCK, 'holder') ~= ARGV[1] then return 0 end
redis.call('DEL', LOCK)
serve(nil)
return 1
`)

/** ARGV: holder, ttlMs. Returns 1 if the holder has the lock. */
export const EXTEND: Script = new Script(`
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`)

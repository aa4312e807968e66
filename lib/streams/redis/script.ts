/**
 * Everything that changes recordings in Redis, as one script: whoever writes, ends or evicts one does so at once, and nobody comes in
 * between. The first argument names the operation. Names of owners, chats and keys are digests.
 *
 * `r:<id>` is what is known of a recording: `o` owner, `c` chat, `k` key, `e` set once it is over, `s` set once a stop was asked for.
 * `p:<id>` is the journal of its parts. `l:<id>` is the lease: it names the process that writes, and goes when that does not renew it.
 * `k:<key>` and `c:<chat>` lead to ids. The rest accounts for the room: `total`, `owners` (what each has), `sizes:<owner>` (what each
 * recording has), `done:<owner>` (those that may be evicted, oldest first), `donors` (owners who have such) and `expiry`.
 */
export const SCRIPT = `
local call = redis.call
local op, prefix, ttl, lease, capacity = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
-- How long that is kept which nobody renews: behind its lease, it is to be found as long as any other.
local kept = ttl + lease
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local BARE, CHARGED = 100, 1024

local function K (kind, name) return prefix .. kind .. ':' .. name end
local total, owners, donors, expiry = prefix .. 'total', prefix .. 'owners', prefix .. 'donors', prefix .. 'expiry'

local function expire (time, ...)
  for _, key in ipairs({...}) do call('PEXPIRE', key, time) end
end

local function account (owner)
  expire(kept, total, owners, donors, expiry, K('sizes', owner), K('done', owner))
end

local function charge (owner, id, amount)
  call('INCRBY', total, amount)
  call('ZINCRBY', K('sizes', owner), amount, id)
  local cost = call('ZINCRBY', owners, amount, owner)
  if call('EXISTS', K('done', owner)) == 1 then call('ZADD', donors, cost, owner) end
end

local function forget (owner, id)
  local cost = call('ZSCORE', K('sizes', owner), id)
  if cost then
    charge(owner, id, 0 - cost)
    call('ZREM', K('sizes', owner), id)
    call('ZREM', K('done', owner), id)
    call('ZREM', expiry, owner .. '/' .. id)
    if call('EXISTS', K('sizes', owner)) == 0 then call('ZREM', owners, owner) end
    if call('EXISTS', K('done', owner)) == 0 then call('ZREM', donors, owner) end
    if call('EXISTS', owners) == 0 then call('DEL', total) end
  end
  local about = call('HMGET', K('r', id), 'c', 'k', 'e')
  if about[1] then call('LREM', K('c', about[1]), 0, id) end
  if about[2] then
    local named = call('GET', K('k', about[2]))
    if named and string.sub(named, 1, #id) == id then call('DEL', K('k', about[2])) end
  end
  call('DEL', K('r', id), K('p', id), K('l', id))
  if cost and not about[3] then call('PUBLISH', K('r', id), 'x') end
end

local function sweep ()
  for _, name in ipairs(call('ZRANGEBYSCORE', expiry, '-inf', now, 'LIMIT', 0, 100)) do
    local owner, id = string.match(name, '^(.-)/(.*)$')
    forget(owner, id)
  end
end

-- Whom to evict for an owner who wants more; nothing when it is the owner who has to go without. The rules are those of memory/room.ts.
local function victim (owner, amount)
  local share = capacity / call('ZCARD', owners)
  local own = (call('ZSCORE', owners, owner) or 0) + amount
  local top = call('ZREVRANGE', donors, 0, 0, 'WITHSCORES')
  local donor, most = top[1], tonumber(top[2])
  if donor and call('ZSCORE', donors, owner) and own >= most then donor, most = owner, own end
  local oldest = donor and call('ZRANGE', K('done', donor), 0, 0)[1]
  if oldest and most > share then return donor, oldest end
  if own > share then return end
  local rich = call('ZREVRANGE', owners, 0, 0, 'WITHSCORES')
  if rich[1] and tonumber(rich[2]) > share then return rich[1], call('ZREVRANGE', K('sizes', rich[1]), 0, 0)[1] end
  if oldest then return donor, oldest end
end

local function take (owner, id, amount)
  while tonumber(call('GET', total) or 0) + amount > capacity do
    local whose, evicted = victim(owner, amount)
    if not evicted then return false end
    forget(whose, evicted)
  end
  charge(owner, id, amount)
  return true
end

local function renew (owner, id)
  local about = call('HMGET', K('r', id), 'c', 'k')
  expire(kept, K('r', id), K('p', id))
  if about[1] then expire(kept, K('c', about[1])) end
  if about[2] then expire(kept, K('k', about[2])) end
  call('ZADD', expiry, now + kept, owner .. '/' .. id)
  account(owner)
end

local function record (id, entry)
  local length = call('RPUSH', K('p', id), entry)
  call('PUBLISH', K('r', id), (length - 1) .. ' ' .. entry)
end

-- The answer is over. A failure makes its key free, unless the owner wanted it.
local function finish (owner, id, frees)
  call('HSET', K('r', id), 'e', 1)
  local about = call('HMGET', K('r', id), 'c', 'k')
  if about[1] then call('LREM', K('c', about[1]), 0, id) end
  if about[2] then
    if frees then call('DEL', K('k', about[2])) else expire(ttl, K('k', about[2])) end
  end
  call('DEL', K('l', id))
  expire(ttl, K('r', id), K('p', id))
  call('ZADD', expiry, now + ttl, owner .. '/' .. id)
  if tonumber(call('ZSCORE', K('sizes', owner), id) or 0) > 0 then
    call('ZADD', K('done', owner), time[1] * 1000000 + time[2], id)
    call('ZADD', donors, call('ZSCORE', owners, owner), owner)
  end
  account(owner)
end

-- Where a recording stands, and the process that writes it, or its owner when there is none any more.
local function state (id)
  local about = call('HMGET', K('r', id), 'o', 'e')
  if not about[1] then return 'gone' end
  if about[2] then return 'over' end
  local holder = call('GET', K('l', id))
  if holder then return 'live', string.match(holder, '^[^.]+') end
  return 'lost', about[1]
end

local operations = {}

function operations.create (owner, id, holder, chat, key, question)
  sweep()
  if key ~= '' then
    local named = call('GET', K('k', key))
    if named then
      local there, asked = string.match(named, '^(%S+) (.*)$')
      return { asked == question and 'found' or 'mismatch', there }
    end
  end
  local fixed = call('ZCARD', expiry) < BARE and 0 or CHARGED
  charge(owner, id, 0)
  -- An answer has a byte at least.
  if not take(owner, id, math.max(fixed, 1)) then
    forget(owner, id)
    return { 'full' }
  end
  charge(owner, id, fixed - math.max(fixed, 1))
  call('HSET', K('r', id), 'o', owner)
  call('SET', K('l', id), holder, 'PX', lease)
  if chat ~= '' then
    call('HSET', K('r', id), 'c', chat)
    call('RPUSH', K('c', chat), id)
  end
  if key ~= '' then
    call('HSET', K('r', id), 'k', key)
    call('SET', K('k', key), id .. ' ' .. question)
  end
  renew(owner, id)
  return { 'created', id }
end

-- For each recording: its id, holder and owner, what to do besides ('' nothing, 'renew', 'end', 'free'), what it costs, and how many entries follow.
function operations.write ()
  local told, at = {}, 6
  while ARGV[at] do
    local id, holder, owner, what, cost, count = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
    local outcome = 'written'
    if call('GET', K('l', id)) ~= holder then
      outcome = call('EXISTS', K('r', id)) == 1 and 'lost' or 'dropped'
    elseif cost > 0 and not take(owner, id, cost) then
      forget(owner, id)
      outcome = 'dropped'
    else
      for index = at + 6, at + 5 + count do record(id, ARGV[index]) end
      if what == 'end' or what == 'free' then
        finish(owner, id, what == 'free')
      elseif what == 'renew' then
        expire(lease, K('l', id))
        renew(owner, id)
        if call('HEXISTS', K('r', id), 's') == 1 then outcome = 'stop' end
      else
        expire(kept, K('p', id))
      end
    end
    table.insert(told, outcome)
    at = at + 6 + count
  end
  return told
end

-- For each recording that is read here: its id, and how many read it, which its writer is told.
function operations.look ()
  local told, replica = {}, ARGV[6]
  for at = 7, #ARGV, 2 do
    local id, readers = ARGV[at], ARGV[at + 1]
    local is, holder = state(id)
    if is == 'live' then call('PUBLISH', prefix .. 'n:' .. holder, 'r ' .. id .. ' ' .. replica .. ' ' .. readers) end
    table.insert(told, { is, call('LLEN', K('p', id)) })
  end
  return told
end

-- The latest answer of a chat that is not over.
function operations.running (chat)
  local ids = call('LRANGE', K('c', chat), 0, -1)
  for at = #ids, 1, -1 do
    if call('EXISTS', K('r', ids[at])) == 1 then return ids[at] end
    call('LREM', K('c', chat), 0, ids[at])
  end
end

function operations.stop (id)
  local is, holder = state(id)
  if is == 'live' or is == 'lost' then call('HSET', K('r', id), 's', 1) end
  if is == 'live' then call('PUBLISH', prefix .. 'n:' .. holder, 's ' .. id) end
  return is
end

-- What is left behind by a holder that is gone ends with an entry that says so.
function operations.lose (id, entry)
  local is, owner = state(id)
  if is ~= 'lost' then return is end
  record(id, entry)
  finish(owner, id, true)
  return 'over'
end

return operations[op](unpack(ARGV, 6))
`

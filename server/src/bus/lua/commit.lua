-- Stores state, outputs, offsets and clocks of one commit, all or nothing. Every check comes before the first write.
-- KEYS meta, ledger (meta itself, or that of a backfill), then every key an operation names
-- ARGV epoch and lineage it was computed under, token, commitSeq this commit builds on, commit id, offsets it starts from,
--      new offsets, new clocks, then operations:
--      'S' key lines                                             set fields of a hash: a line each for field and value
--      'D' key n  n x field                                      delete fields of a hash
--      'R' key                                                   remove a hash
--      'X' key header payload watermark key2 lines
--                 append a record batch; a line each of index, offset and length of an event in the payload and its field:
--                 into hash key2 (0 = none) goes field -> '<stream id>.<index> <event>', unless what is there is of a
--                 later time
--      where key counts from 1 behind ledger, and an empty watermark is left out
-- Returns 'OK' and the stream ids of the X operations, 'FENCED', 'CONFLICT', 'LINEAGE' stored current epoch, or 'TYPE' key
local meta, ledger = KEYS[1], KEYS[2]
local epoch, lineage, token, base, commit_id, offsets_before, offsets, clocks = unpack(ARGV, 1, 8)
-- Also ahead of its own id: an answer from before what Redis lost says nothing about what is there now.
local refusal = moved_on(meta, epoch, lineage)
if refusal then return refusal end
local had = redis.call('HMGET', ledger, 'commitId', 'token', 'commitSeq', 'offsets', 'reply')
if had[1] == commit_id then return { 'OK', had[5] } end
if had[2] ~= token then return { 'FENCED' } end
if (had[3] or '0') ~= base or (had[4] or '') ~= offsets_before then return { 'CONFLICT' } end

local FIRST, CHUNK, BEHIND = 9, 4000, 2
local wanted = { S = 'hash', D = 'hash', R = 'hash', X = 'stream' }
local function check(index, kind)
  local found = redis.call('TYPE', KEYS[index + BEHIND]).ok
  return found == 'none' or found == kind
end
local at = FIRST
while at <= #ARGV do
  local op, key = ARGV[at], tonumber(ARGV[at + 1])
  if not check(key, wanted[op]) then return { 'TYPE', KEYS[key + BEHIND] } end
  if op == 'S' then
    at = at + 3
  elseif op == 'D' then
    at = at + 3 + tonumber(ARGV[at + 2])
  elseif op == 'R' then
    at = at + 2
  else
    local second = tonumber(ARGV[at + 5])
    if second > 0 and not check(second, 'hash') then return { 'TYPE', KEYS[second + BEHIND] } end
    at = at + 7
  end
end

local function chunked(command, key, list, from, to)
  for first = from, to, CHUNK do redis.call(command, key, unpack(list, first, math.min(first + CHUNK - 1, to))) end
end
-- In a field a line end is written as backslash n and a backslash as two.
local escaped = { ['\\n'] = '\n', ['\\\\'] = '\\' }
local function unescape(field)
  if string.find(field, '\\', 1, true) then return (string.gsub(field, '\\.', escaped)) end
  return field
end
local function states(lines)
  local list, n = {}, 0
  for field, value in string.gmatch(lines, '([^\n]*)\n([^\n]*)\n') do
    list[n + 1], list[n + 2] = unescape(field), value
    n = n + 2
  end
  return list, n
end
-- The first such text in an event is behind its id and key, in which quotes are escaped.
local function time_of(event) return tonumber(string.match(event, '","time":(%-?%d+)')) end
-- A result of an older window that came late does not replace one of a later time; a revision has the time of its own.
local function is_later(there, result) return there and (time_of(there) or 0) > (time_of(result) or 0) end
local function latest(hash, lines, payload, id)
  local fields, values, n = {}, {}, 0
  for index, from, bytes, field in string.gmatch(lines, '(%d+) (%d+) (%d+) ([^\n]*)\n') do
    n = n + 1
    fields[n] = unescape(field)
    values[n] = id .. '.' .. index .. ' ' .. string.sub(payload, from + 1, from + bytes)
  end
  local list, m = {}, 0
  for first = 1, n, CHUNK do
    local there = redis.call('HMGET', hash, unpack(fields, first, math.min(first + CHUNK - 1, n)))
    for i = first, math.min(first + CHUNK - 1, n) do
      if not is_later(there[i - first + 1], values[i]) then
        list[m + 1], list[m + 2] = fields[i], values[i]
        m = m + 2
      end
    end
  end
  return list, m
end
local ids = {}
at = FIRST
while at <= #ARGV do
  local op, key = ARGV[at], KEYS[tonumber(ARGV[at + 1]) + BEHIND]
  if op == 'S' then
    local list, n = states(ARGV[at + 2])
    chunked('HSET', key, list, 1, n)
    at = at + 3
  elseif op == 'D' then
    local last = at + 2 + tonumber(ARGV[at + 2])
    chunked('HDEL', key, ARGV, at + 3, last)
    at = last + 1
  elseif op == 'R' then
    redis.call('UNLINK', key)
    at = at + 2
  else
    local id
    if ARGV[at + 4] == '' then
      id = redis.call('XADD', key, '*', 'e', epoch, 'h', ARGV[at + 2], 'd', ARGV[at + 3])
    else
      id = redis.call('XADD', key, '*', 'e', epoch, 'h', ARGV[at + 2], 'd', ARGV[at + 3], 'w', ARGV[at + 4])
    end
    ids[#ids + 1] = id
    local second = tonumber(ARGV[at + 5])
    if second > 0 then
      local hash = KEYS[second + BEHIND]
      local list, n = latest(hash, ARGV[at + 6], ARGV[at + 3], id)
      chunked('HSET', hash, list, 1, n)
    end
    at = at + 7
  end
end

local reply = table.concat(ids, ' ')
redis.call('HSET', ledger, 'commitSeq', tonumber(base) + 1, 'commitId', commit_id, 'reply', reply, 'offsets', offsets,
  'clocks', clocks, 'heartbeat', now_ms(), 'takes', 0, 'suspect', '')
return { 'OK', reply }

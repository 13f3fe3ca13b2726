-- Stores state, outputs, offsets and clocks of one commit, all or nothing. Every check comes before the first write.
-- KEYS meta, then every key an operation names
-- ARGV token, commitSeq this commit builds on, commit id, offsets it starts from, new offsets, new clocks, then operations:
--      'S' key lines                                             set fields of a hash: a line each for field and value
--      'D' key n  n x field                                      delete fields of a hash
--      'R' key                                                   remove a hash
--      'X' key header payload watermark key2 lines
--                 append a record batch; a line each of index, offset and length of an event in the payload and its field:
--                 into hash key2 (0 = none) goes field -> '<stream id>.<index> <event>'
--      where key counts from 1 behind meta, and an empty watermark is left out
-- Returns 'OK' and the stream ids of the X operations, 'FENCED', 'CONFLICT', 'LINEAGE' stored current, or 'TYPE' key
local meta = KEYS[1]
local lineage = current_lineage()
local had = redis.call('HMGET', meta, 'lineage', 'commitId', 'token', 'commitSeq', 'offsets', 'epoch', 'reply')
if had[1] ~= lineage then return { 'LINEAGE', had[1] or '', lineage } end
if had[2] == ARGV[3] then return { 'OK', had[7] } end
if had[3] ~= ARGV[1] then return { 'FENCED' } end
if (had[4] or '0') ~= ARGV[2] or (had[5] or '') ~= ARGV[4] then return { 'CONFLICT' } end

local FIRST, CHUNK = 7, 4000
local wanted = { S = 'hash', D = 'hash', R = 'hash', X = 'stream' }
local function check(index, kind)
  local found = redis.call('TYPE', KEYS[index + 1]).ok
  return found == 'none' or found == kind
end
local at = FIRST
while at <= #ARGV do
  local op, key = ARGV[at], tonumber(ARGV[at + 1])
  if not check(key, wanted[op]) then return { 'TYPE', KEYS[key + 1] } end
  if op == 'S' then
    at = at + 3
  elseif op == 'D' then
    at = at + 3 + tonumber(ARGV[at + 2])
  elseif op == 'R' then
    at = at + 2
  else
    local second = tonumber(ARGV[at + 5])
    if second > 0 and not check(second, 'hash') then return { 'TYPE', KEYS[second + 1] } end
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
local function latest(lines, payload, id)
  local list, n = {}, 0
  for index, from, bytes, field in string.gmatch(lines, '(%d+) (%d+) (%d+) ([^\n]*)\n') do
    local event = string.sub(payload, from + 1, from + bytes)
    list[n + 1], list[n + 2] = unescape(field), id .. '.' .. index .. ' ' .. event
    n = n + 2
  end
  return list, n
end
local ids = {}
at = FIRST
while at <= #ARGV do
  local op, key = ARGV[at], KEYS[tonumber(ARGV[at + 1]) + 1]
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
      id = redis.call('XADD', key, '*', 'e', had[6], 'h', ARGV[at + 2], 'd', ARGV[at + 3])
    else
      id = redis.call('XADD', key, '*', 'e', had[6], 'h', ARGV[at + 2], 'd', ARGV[at + 3], 'w', ARGV[at + 4])
    end
    ids[#ids + 1] = id
    local second = tonumber(ARGV[at + 5])
    if second > 0 then
      local list, n = latest(ARGV[at + 6], ARGV[at + 3], id)
      chunked('HSET', KEYS[second + 1], list, 1, n)
    end
    at = at + 7
  end
end

local reply = table.concat(ids, ' ')
redis.call('HSET', meta, 'commitSeq', tonumber(ARGV[2]) + 1, 'commitId', ARGV[3], 'reply', reply, 'offsets', ARGV[5],
  'clocks', ARGV[6], 'heartbeat', now_ms(), 'takes', 0, 'suspect', '')
return { 'OK', reply }

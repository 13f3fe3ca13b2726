-- Arguments that hold many values: a list of MessagePack each (see packed-list.ts), which Redis unpacks several times as
-- fast as a script takes lines apart.
-- `unpack` takes 7,999 values.
local CHUNK = 4000

local function chunked(command, key, list, from, to)
  for first = from, to, CHUNK do redis.call(command, key, unpack(list, first, math.min(first + CHUNK - 1, to))) end
end

-- Fields and values: of field, tag and index as text.
local function places(list, id)
  local fields, n, behind = {}, 0, ' ' .. id .. '.'
  for i = 1, #list, 3 do
    fields[n + 1], fields[n + 2] = list[i], list[i + 1] .. behind .. list[i + 2]
    n = n + 2
  end
  return fields, n
end

-- The first such text in an event is behind its id and key, in which quotes are escaped.
local function time_of(event) return tonumber(string.match(event, '","time":(%-?%d+)')) end
-- A result of an older window that came late does not replace one of a later time; a revision has the time of its own.
local function is_later(there, result) return there and (time_of(there) or 0) > (time_of(result) or 0) end
-- Fields and values: of field, index as text, offset and length in the payload.
local function latest(hash, list, payload, id)
  local fields, values, n = {}, {}, 0
  for i = 1, #list, 4 do
    local from = list[i + 2]
    n = n + 1
    fields[n] = list[i]
    values[n] = id .. '.' .. list[i + 1] .. ' ' .. string.sub(payload, from + 1, from + list[i + 3])
  end
  local changed, m = {}, 0
  for first = 1, n, CHUNK do
    local there = redis.call('HMGET', hash, unpack(fields, first, math.min(first + CHUNK - 1, n)))
    for i = first, math.min(first + CHUNK - 1, n) do
      if not is_later(there[i - first + 1], values[i]) then
        changed[m + 1], changed[m + 2] = fields[i], values[i]
        m = m + 2
      end
    end
  end
  return changed, m
end

-- Arguments that hold many values, a line each. In a field a line end is written as backslash n and a backslash as two.
-- `unpack` takes 7,999 values.
local CHUNK = 4000

local function chunked(command, key, list, from, to)
  for first = from, to, CHUNK do redis.call(command, key, unpack(list, first, math.min(first + CHUNK - 1, to))) end
end

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

-- Lists that grow: number of the key, length, items.
local function pushed(lines)
  local lists, from = {}, 1
  while from <= #lines do
    local key, length, count, behind = string.match(lines, '^(%d+) (%d+) (%d+)\n()', from)
    local items = {}
    from = behind
    for i = 1, tonumber(count) do
      local to = string.find(lines, '\n', from, true)
      items[i] = unescape(string.sub(lines, from, to - 1))
      from = to + 1
    end
    lists[#lists + 1] = { key = tonumber(key), length = tonumber(length), items = items }
  end
  return lists
end

local function places(lines, id)
  local list, n = {}, 0
  for index, tag, field in string.gmatch(lines, '(%d+) ([^ \n]*) ([^\n]*)\n') do
    list[n + 1], list[n + 2] = unescape(field), tag .. ' ' .. id .. '.' .. index
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

-- Where the present epoch of a partition begins in its logs. Entries of one epoch lie together, the present one last,
-- so bisection finds the border, first by milliseconds, then by sequence numbers.
-- KEYS meta, log...
-- Returns ids of the newest entries that are not of the epoch, '0-0' where there is none
local epoch = redis.call('HGET', KEYS[1], 'epoch') or ''

-- Whether nothing at or behind an id is of an earlier epoch.
local function is_begun(log, id)
  local entry = redis.call('XRANGE', log, id, '+', 'COUNT', 1)[1]
  if not entry then return true end
  local fields = entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'e' then return fields[i + 1] == epoch end
  end
  return false
end

-- The largest number below `upper` at which the epoch has not begun. It has not begun at `lower`, and has at `upper`.
local function last_before(log, lower, upper, id_of)
  while upper - lower > 1 do
    local middle = math.floor((lower + upper) / 2)
    if is_begun(log, id_of(middle)) then upper = middle else lower = middle end
  end
  return lower
end

local function border(log)
  if is_begun(log, '-') then return '0-0' end
  local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1][1]
  local last = redis.call('XREVRANGE', log, '+', '-', 'COUNT', 1)[1][1]
  local function ms_of(id) return tonumber(string.match(id, '^%d+')) end
  local ms = last_before(log, ms_of(first), ms_of(last) + 1, function(at) return string.format('%.0f-0', at) end)
  local at_ms = string.format('%.0f', ms)
  local newest = redis.call('XREVRANGE', log, at_ms, at_ms, 'COUNT', 1)[1][1]
  local id_of = function(sequence) return string.format('%.0f-%.0f', ms, sequence) end
  return id_of(last_before(log, 0, tonumber(string.match(newest, '%d+$')) + 1, id_of))
end

local borders = {}
for i = 2, #KEYS do borders[i - 1] = border(KEYS[i]) end
return borders

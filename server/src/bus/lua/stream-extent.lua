-- What XINFO says of a log, by name; false where it has no entry, or never had one.
local function extent(log)
  if redis.call('EXISTS', log) == 0 then return false end
  local info, of = redis.call('XINFO', 'STREAM', log), {}
  for field = 1, #info, 2 do of[info[field]] = info[field + 1] end
  return of['length'] > 0
    and { added = of['entries-added'], entries = of['length'], first = of['first-entry'][1], last = of['last-entry'][1] }
end

local function ms_of(id) return tonumber(string.match(id, '^%d+')) end

-- What there is of some logs. XINFO alone would send the first and last entry of each over the wire.
-- KEYS log...
-- Returns for each { entries ever added, entries, first id, last id }, the ids '0-0' where there is none
local sizes = {}
for i = 1, #KEYS do
  local size = { 0, 0, '0-0', '0-0' }
  if redis.call('EXISTS', KEYS[i]) == 1 then
    local info = redis.call('XINFO', 'STREAM', KEYS[i])
    for field = 1, #info, 2 do
      local name, value = info[field], info[field + 1]
      if name == 'entries-added' then size[1] = value end
      if name == 'length' then size[2] = value end
      if name == 'first-entry' and value then size[3] = value[1] end
      if name == 'last-generated-id' then size[4] = value end
    end
  end
  sizes[i] = size
end
return sizes

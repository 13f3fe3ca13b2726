-- How large the logs of one partition are.
-- KEYS log...
-- Returns for each { entries, first id or '', last id or '', bytes in memory, by samples }
local extents = {}
for i = 1, #KEYS do
  local of = extent(KEYS[i])
  local bytes = of and redis.call('MEMORY', 'USAGE', KEYS[i]) or 0
  extents[i] = of and { of.entries, of.first, of.last, bytes } or { 0, '', '', 0 }
end
return extents

-- How many entries some logs have, and ever had.
-- KEYS log...
-- Returns for each { entries ever added, entries, first id, last id }, where there is none { 0, 0, '0-0', '0-0' }
local sizes = {}
for i = 1, #KEYS do
  local of = extent(KEYS[i])
  sizes[i] = of and { of.added, of.entries, of.first, of.last } or { 0, 0, '0-0', '0-0' }
end
return sizes

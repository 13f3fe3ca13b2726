-- Accepts the data now in Redis as the partition's log, by compare-and-set on the lineage it replaces and the epoch.
-- KEYS meta   ARGV expected stored lineage, expected current lineage, expected epoch, new epoch or '' to keep it
-- Returns { 'OK' | 'CHANGED', epoch }

-- As many are known at a time.
local MAX_EPOCHS = 64
local meta = KEYS[1]
local stored = redis.call('HGET', meta, 'lineage') or ''
local epoch = redis.call('HGET', meta, 'epoch') or ''
if stored ~= ARGV[1] or read_lineage() ~= ARGV[2] or epoch ~= ARGV[3] then return { 'CHANGED', epoch } end
-- A list that does not end with the present epoch was left by a process that does not know it.
local known = redis.call('HGET', meta, 'epochs') or ''
local _, before = string.gsub(known, ' ', '')
if string.match(known, '%S*$') ~= epoch or before >= MAX_EPOCHS then known = epochs_from(epoch) end
if ARGV[4] ~= '' then
  epoch = ARGV[4]
  known = known .. ' ' .. epoch
  redis.call('HSET', meta, 'epoch', epoch, 'begun', ARGV[2])
end
redis.call('HSET', meta, 'lineage', ARGV[2], 'epochs', known)
return { 'OK', epoch }

-- Accepts the data set now in Redis as the partition's log, by compare-and-set on the lineage it replaces.
-- KEYS meta   ARGV expected stored lineage, expected current lineage, new epoch or '' to keep it
-- Returns { 'OK' | 'CHANGED', epoch }
local meta = KEYS[1]
local stored = redis.call('HGET', meta, 'lineage') or ''
if stored ~= ARGV[1] or current_lineage() ~= ARGV[2] then
  return { 'CHANGED', redis.call('HGET', meta, 'epoch') or '' }
end
if ARGV[3] ~= '' then redis.call('HSET', meta, 'epoch', ARGV[3]) end
redis.call('HSET', meta, 'lineage', ARGV[2])
return { 'OK', redis.call('HGET', meta, 'epoch') }

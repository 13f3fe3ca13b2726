-- Makes a partition exist and reports its epoch and lineage.
-- KEYS meta   ARGV epoch to start with
-- Returns { epoch, stored lineage, current lineage }
local meta = KEYS[1]
local lineage = current_lineage()
if redis.call('HSETNX', meta, 'epoch', ARGV[1]) == 1 then
  redis.call('HSET', meta, 'lineage', lineage)
end
return { redis.call('HGET', meta, 'epoch'), redis.call('HGET', meta, 'lineage') or '', lineage }

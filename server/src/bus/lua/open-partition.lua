-- Makes a partition exist and reports its epoch and lineage.
-- KEYS meta   ARGV epoch to start with
-- Returns { epoch, stored lineage, current lineage, lineage under which the epoch began, epochs since a time }
local meta = KEYS[1]
local lineage = read_lineage()
if redis.call('HSETNX', meta, 'epoch', ARGV[1]) == 1 then
  redis.call('HSET', meta, 'lineage', lineage, 'begun', lineage, 'epochs', epochs_from(ARGV[1]))
end
local log = redis.call('HMGET', meta, 'epoch', 'lineage', 'begun', 'epochs')
return { log[1], log[2] or '', lineage, log[3] or '', log[4] or '' }

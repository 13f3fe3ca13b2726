-- Opens a backfill, unless one of the same version is under way.
-- KEYS meta, ledger, state that an earlier one of another version may have left...
-- ARGV epoch and lineage under which it was planned, version, run, offsets to start from
-- Returns { 'OK' }, { 'OPEN' } or the refusal of another log
local meta, ledger = KEYS[1], KEYS[2]
local epoch, lineage, version, run, offsets = unpack(ARGV)
local refusal = moved_on(meta, epoch, lineage)
if refusal then return refusal end
local had = redis.call('HMGET', ledger, 'version', 'status')
if had[1] == version and had[2] == 'open' then return { 'OPEN' } end
for i = 3, #KEYS do redis.call('UNLINK', KEYS[i]) end
-- Ranges filled by another definition belong to another window.
if had[1] ~= version then redis.call('HDEL', ledger, 'filled') end
-- The commit number continues and nobody holds the new token: a worker of an earlier backfill is fenced.
redis.call('HSET', ledger, 'version', version, 'run', run, 'status', 'open', 'reason', '', 'offsets', offsets,
  'clocks', '', 'token', '', 'takes', 0, 'suspect', '', 'heartbeat', now_ms(), 'released', '1')
return { 'OK' }

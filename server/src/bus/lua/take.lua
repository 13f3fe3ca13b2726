-- Makes the caller the owner of a partition, or of a backfill in it, unless another one is alive.
-- KEYS meta, ledger (meta itself, or that of a backfill)
-- ARGV random part of the token, ms for which a heartbeat counts as alive, generation of the caller's contract
-- Returns { 'OK', token, takes since the last release, or commit that ended the count, suspect of an earlier owner or '', 1 if that one has not
--           released it, else 0 }
--      or { 'HELD', ms until the heartbeat is stale } or { 'LINEAGE', stored, current }
--      or { 'NEWER' } where the partition was taken under a later contract
local ledger = KEYS[2]
local stored = redis.call('HGET', KEYS[1], 'lineage')
local lineage = current_lineage(stored)
if stored ~= lineage then return { 'LINEAGE', stored or '', lineage } end
local generation, mine = tonumber(redis.call('HGET', KEYS[1], 'contract') or '0'), tonumber(ARGV[3])
if generation > mine then return { 'NEWER' } end
local had = redis.call('HMGET', ledger, 'token', 'heartbeat', 'released', 'suspect')
local now, fresh = now_ms(), tonumber(ARGV[2])
local is_left = had[1] and had[3] ~= '1'
if is_left then
  local age = now - tonumber(had[2])
  if is_fresh(age, fresh) then return { 'HELD', fresh - age } end
end
local token = redis.call('HINCRBY', ledger, 'tokens', 1) .. ':' .. ARGV[1]
redis.call('HSET', ledger, 'token', token, 'heartbeat', now, 'released', '0')
if ledger == KEYS[1] and mine > generation then redis.call('HSET', ledger, 'contract', mine) end
local takes = redis.call('HINCRBY', ledger, 'takes', 1)
return { 'OK', token, takes, had[4] or '', is_left and 1 or 0 }

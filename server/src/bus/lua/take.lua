-- Makes the caller the owner of a partition, unless another owner is alive.
-- KEYS meta   ARGV random part of the token, ms for which a heartbeat counts as alive
-- Returns { 'OK', token, takes since the last commit or release, suspect of an earlier owner or '' }
--      or { 'HELD', ms until the heartbeat is stale } or { 'LINEAGE', stored, current }
local meta = KEYS[1]
local lineage = current_lineage()
local had = redis.call('HMGET', meta, 'lineage', 'token', 'heartbeat', 'released', 'suspect')
if had[1] ~= lineage then return { 'LINEAGE', had[1] or '', lineage } end
local now, fresh = now_ms(), tonumber(ARGV[2])
if had[2] and had[4] ~= '1' then
  local age = now - tonumber(had[3])
  if age < fresh then return { 'HELD', fresh - age } end
end
local token = redis.call('HINCRBY', meta, 'tokens', 1) .. ':' .. ARGV[1]
redis.call('HSET', meta, 'token', token, 'heartbeat', now, 'released', '0')
local takes = redis.call('HINCRBY', meta, 'takes', 1)
return { 'OK', token, takes, had[5] or '' }

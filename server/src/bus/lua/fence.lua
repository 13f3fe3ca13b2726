-- Brings a partition to a generation of the contract: workers of earlier ones can neither take it nor write to it any more.
-- KEYS meta   ARGV generation, random part of the token
local before = tonumber(redis.call('HGET', KEYS[1], 'contract') or '0')
if before >= tonumber(ARGV[1]) then return 0 end
local token = redis.call('HINCRBY', KEYS[1], 'tokens', 1) .. ':' .. ARGV[2]
redis.call('HSET', KEYS[1], 'contract', ARGV[1], 'token', token, 'released', '1', 'heartbeat', '0')
return 1

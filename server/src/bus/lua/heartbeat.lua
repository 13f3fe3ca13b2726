-- Says that the owner is alive, or gives the partition up.
-- KEYS meta   ARGV token, '1' to release
-- Returns 'OK' or 'FENCED'
if not owns(KEYS[1], ARGV[1]) then return 'FENCED' end
redis.call('HSET', KEYS[1], 'heartbeat', now_ms(), 'released', ARGV[2])
return 'OK'

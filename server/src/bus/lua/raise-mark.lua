-- Raises a number that never falls, and returns it.
-- KEYS the number   ARGV what it is to be at least
local stored = redis.call('GET', KEYS[1])
if stored and tonumber(stored) >= tonumber(ARGV[1]) then return stored end
redis.call('SET', KEYS[1], ARGV[1])
return ARGV[1]

-- Replaces the head of the contracts, unless it has changed meanwhile.
-- KEYS head (hash: state, record)   ARGV state that it has or '' for none, next state, record or '' for the one it has
-- Returns 1, or 0 where it has another state
if (redis.call('HGET', KEYS[1], 'state') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'state', ARGV[2])
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'record', ARGV[3]) end
return 1

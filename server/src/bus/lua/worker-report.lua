-- Stores what a worker says of itself, with its heartbeat, and forgets workers that are gone.
-- KEYS workers, those of its contract, report
-- ARGV worker, report, ms that a heartbeat counts, ms for which a worker has a share
-- Returns how many workers of its contract have a share
local workers, sharers = KEYS[1], KEYS[2]
local now, alive, fresh = now_ms(), tonumber(ARGV[3]), tonumber(ARGV[4])
local beat = string.format('%d', now)
redis.call('SET', KEYS[3], ARGV[2], 'PX', ARGV[3])
for _, listed in ipairs({ workers, sharers }) do
  redis.call('ZADD', listed, beat, ARGV[1])
  redis.call('ZREMRANGEBYSCORE', listed, '-inf', now - alive)
  redis.call('ZREMRANGEBYSCORE', listed, now + alive, '+inf')
end
redis.call('PEXPIRE', sharers, ARGV[3])
return redis.call('ZCOUNT', sharers, '(' .. now - fresh, '(' .. now + fresh)

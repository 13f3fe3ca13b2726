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
  for _, range in ipairs({ { '-inf', now - alive }, { now + alive, '+inf' } }) do
    for _, gone in ipairs(redis.call('ZRANGEBYSCORE', listed, range[1], range[2])) do redis.call('ZREM', listed, gone) end
  end
end
redis.call('PEXPIRE', sharers, ARGV[3])
return #redis.call('ZRANGEBYSCORE', sharers, '(' .. now - fresh, '(' .. now + fresh)

-- Stores what a gateway says of itself, with its heartbeat, and forgets gateways that are gone.
-- KEYS gateways, report   ARGV gateway, report, ms that a heartbeat counts
local gateways, report = KEYS[1], KEYS[2]
local now, alive = now_ms(), tonumber(ARGV[3])
redis.call('SET', report, ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', gateways, string.format('%d', now), ARGV[1])
for _, range in ipairs({ { '-inf', now - alive }, { now + alive, '+inf' } }) do
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', gateways, range[1], range[2])) do
    redis.call('ZREM', gateways, gone)
  end
end
return 'OK'

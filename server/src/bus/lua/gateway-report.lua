-- Stores what a gateway says of itself, with its heartbeat, and forgets gateways that are gone. Answers with events that commands
-- have stored, as topic, events...: the gateway that takes them counts them, and no other one does.
-- KEYS gateways, report, uncounted   ARGV gateway, report, ms that a heartbeat counts
local gateways, report, uncounted = KEYS[1], KEYS[2], KEYS[3]
local now, alive = now_ms(), tonumber(ARGV[3])
redis.call('SET', report, ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', gateways, string.format('%d', now), ARGV[1])
for _, range in ipairs({ { '-inf', now - alive }, { now + alive, '+inf' } }) do
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', gateways, range[1], range[2])) do
    redis.call('ZREM', gateways, gone)
  end
end
local counts = redis.call('HGETALL', uncounted)
if #counts > 0 then redis.call('UNLINK', uncounted) end
return counts

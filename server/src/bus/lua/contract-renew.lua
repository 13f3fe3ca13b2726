-- Says that processes of a generation are alive, and which ones are.
-- KEYS head (hash: state), live (hash generation -> Redis ms), hash of the head for versions before generations: they refuse to
--      start beside another contract
-- ARGV generation that is alive, ms for which that counts
-- Returns { state or '', generation, generation, ... } with those that are alive
local now, alive = now_ms(), tonumber(ARGV[2])
redis.call('HSET', KEYS[2], ARGV[1], now)
local state = redis.call('HGET', KEYS[1], 'state') or ''
if state ~= '' then redis.call('SET', KEYS[3], cjson.decode(state).hash, 'PX', ARGV[2]) end
local reply = { state }
local live = redis.call('HGETALL', KEYS[2])
for i = 1, #live, 2 do
  if is_fresh(now - tonumber(live[i + 1]), alive) then
    reply[#reply + 1] = tonumber(live[i])
  else
    redis.call('HDEL', KEYS[2], live[i])
  end
end
return reply

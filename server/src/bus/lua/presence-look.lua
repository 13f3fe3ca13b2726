-- What live gateways report. What others have reported is removed.
-- KEYS gateways   ARGV begin of the names of shares, how fresh a heartbeat must be in ms, size of an answer in characters,
--      then n x (gateway turn) whose shares are known
-- Returns for each live gateway { gateway, turn, shares as field, value, ... }: 0 where they are known, 1 where the answer is full
local gateways, prefix, fresh_ms, room = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local FIRST = 4
local known = {}
for i = FIRST, #ARGV, 2 do known[ARGV[i]] = ARGV[i + 1] end
local now = now_ms()
local found = redis.call('HGETALL', gateways)
local reply = {}
for i = 1, #found, 2 do
  local gateway = found[i]
  local turn, beat = string.match(found[i + 1], '^(%d+) (%d+)$')
  if not turn or not is_fresh(now - tonumber(beat), fresh_ms) then
    redis.call('HDEL', gateways, gateway)
    -- Of the same slot: a part of the partition.
    redis.call('UNLINK', prefix .. gateway)
  elseif known[gateway] == turn then
    reply[#reply + 1] = { gateway, turn, 0 }
  elseif room <= 0 then
    reply[#reply + 1] = { gateway, turn, 1 }
  else
    local shares = redis.call('HGETALL', prefix .. gateway)
    for j = 1, #shares do room = room - #shares[j] end
    reply[#reply + 1] = { gateway, turn, shares }
  end
end
return reply

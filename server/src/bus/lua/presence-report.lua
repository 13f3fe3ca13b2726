-- Stores what a gateway reports of who is connected to it, with its heartbeat.
-- KEYS gateways, shares of this gateway   ARGV gateway, turn that it builds on (empty: everything is sent), turn, n,
--      n x (field value), fields to remove
-- Returns 'OK', 'EMPTY' where nobody is left and nothing is stored, or 'ANEW' where something else is stored than it builds on
local gateways, shares = KEYS[1], KEYS[2]
local gateway, base, turn, count = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local FIRST = 5
local stored = redis.call('HGET', gateways, gateway)
local stored_turn = stored and string.match(stored, '^%d+')
if base == '' then
  -- A report that was overtaken on the way.
  if stored and tonumber(stored_turn) >= tonumber(turn) then return 'ANEW' end
  redis.call('UNLINK', shares)
elseif stored_turn ~= base then
  return 'ANEW'
end
local removed = FIRST + 2 * count
chunked('HSET', shares, ARGV, FIRST, removed - 1)
chunked('HDEL', shares, ARGV, removed, #ARGV)
if redis.call('EXISTS', shares) == 0 then
  redis.call('HDEL', gateways, gateway)
  return 'EMPTY'
end
redis.call('HSET', gateways, gateway, turn .. ' ' .. string.format('%d', now_ms()))
return 'OK'

-- Removes entries of one log below a stream id and notes up to where they are gone.
-- KEYS meta, log   ARGV token, topic, lowest stream id to keep
-- Returns the number removed, or 'FENCED'
local meta, log = KEYS[1], KEYS[2]
if not owns(meta, ARGV[1]) then return 'FENCED' end
local removed = redis.call('XTRIM', log, 'MINID', '~', ARGV[3])
if removed > 0 then
  local first = redis.call('XRANGE', log, '-', '+', 'COUNT', 1)[1]
  local kept = first and first[1] or ARGV[3]
  local ms, seq = string.match(kept, '^(%d+)-(%d+)$')
  -- One below the oldest entry kept; no entry has the sequence number written for a borrow.
  local gone = seq ~= '0' and (ms .. '-' .. string.format('%.0f', tonumber(seq) - 1))
    or (string.format('%.0f', tonumber(ms) - 1) .. '-999999999')
  redis.call('HSET', meta, 'trim:' .. ARGV[2], gone)
end
return removed

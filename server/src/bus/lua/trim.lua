-- Removes entries of one log below a stream id and notes up to where they are gone.
-- KEYS meta, log   ARGV epoch and lineage under which it was found out, token, topic, lowest stream id to keep
-- Returns the number removed, { 'FENCED' } or the refusal of another log
local meta, log = KEYS[1], KEYS[2]
local epoch, lineage, token, topic, lowest = unpack(ARGV)
local refusal = moved_on(meta, epoch, lineage)
if refusal then return refusal end
if not owns(meta, token) then return { 'FENCED' } end
local newest = redis.call('XREVRANGE', log, '(' .. lowest, '-', 'COUNT', 1)[1]
local removed = redis.call('XTRIM', log, 'MINID', '~', lowest)
if removed > 0 then
  -- '~' stops at a node border. If it went all the way the newest entry below the bound is the newest one gone: a
  -- subscriber that had it has lost nothing. Otherwise that is not known, and one below the oldest entry kept stands for it.
  local gone = newest[1]
  local kept = redis.call('XRANGE', log, '-', gone, 'COUNT', 1)[1]
  if kept then
    local ms, seq = string.match(kept[1], '^(%d+)-(%d+)$')
    -- No entry has the sequence number written for a borrow.
    gone = seq ~= '0' and (ms .. '-' .. string.format('%.0f', tonumber(seq) - 1))
      or (string.format('%.0f', tonumber(ms) - 1) .. '-999999999')
  end
  redis.call('HSET', meta, 'trim:' .. topic, gone)
end
return removed

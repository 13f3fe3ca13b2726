-- Removes entries of one log below a stream id and notes the id up to which they are gone.
-- KEYS meta, log   ARGV epoch and lineage under which it was found out, token, topic, lowest stream id to keep,
--      '=' to remove every entry below it, '~' to stop at a node border
-- Returns the number removed, { 'FENCED' } or the refusal of another log
local meta, log = KEYS[1], KEYS[2]
local epoch, lineage, token, topic, lowest, precision = unpack(ARGV)
local refusal = moved_on(meta, epoch, lineage)
if refusal then return refusal end
if not owns(meta, token) then return { 'FENCED' } end
local newest = redis.call('XREVRANGE', log, '(' .. lowest, '-', 'COUNT', 1)[1]
local removed = redis.call('XTRIM', log, 'MINID', precision, lowest)
if removed > 0 then
  -- '~' stops at a node border. If everything below the bound was removed, the newest of it is the newest entry gone: a
  -- subscriber that had received it has lost nothing. Otherwise that id is unknown, and the id just below the oldest
  -- kept entry stands for it.
  local gone = newest[1]
  local kept = redis.call('XRANGE', log, '-', gone, 'COUNT', 1)[1]
  if kept then
    local ms, seq = string.match(kept[1], '^(%d+)-(%d+)$')
    -- No entry has the sequence number written after a borrow.
    gone = seq ~= '0' and (ms .. '-' .. string.format('%.0f', tonumber(seq) - 1))
      or (string.format('%.0f', tonumber(ms) - 1) .. '-999999999')
  end
  redis.call('HSET', meta, 'trim:' .. topic, gone)
end
return removed

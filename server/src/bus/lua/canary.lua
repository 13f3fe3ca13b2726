-- Shows that the partition can be written and read: adds to its canary log unless somebody else has just done so.
-- KEYS meta, canary log
-- ARGV lineage that the caller has proved ('' for none yet), age from which the last one is old, ms
-- Returns { 'OK', epoch, lineage } or { 'LINEAGE', stored, current, epoch }
local KEPT = 4
local stored = redis.call('HMGET', KEYS[1], 'epoch', 'lineage')
local lineage = current_lineage(stored[2])
local epoch = stored[1]
if not epoch or stored[2] ~= lineage or (ARGV[1] ~= '' and ARGV[1] ~= lineage) then
  return { 'LINEAGE', stored[2] or '', lineage, epoch or '' }
end
local last = redis.call('XREVRANGE', KEYS[2], '+', '-', 'COUNT', 1)[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local age = last and now - tonumber(string.match(last[1], '^%d+'))
-- An age below zero: the clock was set back.
if not age or age < 0 or age >= tonumber(ARGV[2]) then redis.call('XADD', KEYS[2], 'MAXLEN', KEPT, '*', 'e', epoch) end
return { 'OK', epoch, lineage }

-- Replaces an entry that no reader needs any more by others, or by none. Once, whoever tries.
-- KEYS meta, log   ARGV epoch and lineage under which it was read, its stream id, then header and payload of each other
-- Returns { 'OK', stream id of each }, { 'GONE' } where it is not there any more, or the refusal of another log
local refusal = moved_on(KEYS[1], ARGV[1], ARGV[2])
if refusal then return refusal end
if redis.call('XDEL', KEYS[2], ARGV[3]) == 0 then return { 'GONE' } end
local ids = {}
for at = 4, #ARGV, 2 do
  ids[#ids + 1] = redis.call('XADD', KEYS[2], '*', 'e', ARGV[1], 'h', ARGV[at], 'd', ARGV[at + 1])
end
return { 'OK', ids }

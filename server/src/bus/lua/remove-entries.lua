-- Removes entries that no reader needs any more.
-- KEYS meta, log   ARGV epoch and lineage under which they were read, stream id...
-- Returns { 'OK' } or the refusal of another log
local refusal = moved_on(KEYS[1], ARGV[1], ARGV[2])
if refusal then return refusal end
redis.call('XDEL', KEYS[2], unpack(ARGV, 3))
return { 'OK' }

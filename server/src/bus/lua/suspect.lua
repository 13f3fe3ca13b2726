-- Notes the event an owner is about to fold, so that its successor knows which event killed it.
-- KEYS meta   ARGV epoch and lineage under which it was read, token, the suspect
-- Returns { 'OK' }, { 'FENCED' } or the refusal of another log
local meta = KEYS[1]
local epoch, lineage, token, suspect = unpack(ARGV)
local refusal = moved_on(meta, epoch, lineage)
if refusal then return refusal end
if not owns(meta, token) then return { 'FENCED' } end
redis.call('HSET', meta, 'suspect', suspect)
return { 'OK' }

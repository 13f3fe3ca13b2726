-- Ends a backfill: removes its state and keeps what it filled.
-- KEYS meta, ledger, state...   ARGV epoch and lineage it was computed under, token, status, reason, filled
-- Returns { 'OK' }, { 'FENCED' } or the refusal of another log
local meta, ledger = KEYS[1], KEYS[2]
local epoch, lineage, token, status, reason, filled = unpack(ARGV)
local refusal = moved_on(meta, epoch, lineage)
if refusal then return refusal end
if not owns(ledger, token) then return { 'FENCED' } end
for i = 3, #KEYS do redis.call('UNLINK', KEYS[i]) end
redis.call('HSET', ledger, 'status', status, 'reason', reason, 'filled', filled, 'released', '1')
return { 'OK' }

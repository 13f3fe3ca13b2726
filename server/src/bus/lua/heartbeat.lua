-- Renews the owner's heartbeat, or releases the partition: an owner that ends in order did not die of an event.
-- KEYS meta, or the ledger of a backfill
-- ARGV token, '1' to release, generation of the owner's contract: what it was taken under may be an earlier one by now
-- Returns 'OK' or 'FENCED'
if not owns(KEYS[1], ARGV[1]) then return 'FENCED' end
-- Its own release has overtaken it, as a call may that is made again with the script loaded: it would take back what was given up.
if ARGV[2] == '0' and redis.call('HGET', KEYS[1], 'released') == '1' then return 'FENCED' end
redis.call('HSET', KEYS[1], 'heartbeat', now_ms(), 'released', ARGV[2])
local generation = redis.call('HGET', KEYS[1], 'contract') or '0'
if tonumber(ARGV[3]) > tonumber(generation) then redis.call('HSET', KEYS[1], 'contract', ARGV[3]) end
if ARGV[2] == '1' then redis.call('HSET', KEYS[1], 'takes', 0) end
return 'OK'

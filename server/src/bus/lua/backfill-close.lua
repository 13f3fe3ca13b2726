-- Ends a backfill: its state goes, what it filled stays known.
-- KEYS ledger, state...   ARGV token, status, reason, filled
-- Returns 'OK' or 'FENCED'
if not owns(KEYS[1], ARGV[1]) then return 'FENCED' end
for i = 2, #KEYS do redis.call('UNLINK', KEYS[i]) end
redis.call('HSET', KEYS[1], 'status', ARGV[2], 'reason', ARGV[3], 'filled', ARGV[4], 'released', '1')
return 'OK'

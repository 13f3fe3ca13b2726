-- Notes a backfill that is to run, unless one of the same version is under way.
-- KEYS ledger, state that an earlier one of another version may have left...
-- ARGV version, run, offsets to start from
-- Returns 'OK' or 'OPEN'
local ledger = KEYS[1]
local had = redis.call('HMGET', ledger, 'version', 'status')
if had[1] == ARGV[1] and had[2] == 'open' then return 'OPEN' end
for i = 2, #KEYS do redis.call('UNLINK', KEYS[i]) end
-- What was filled by another definition is another window's.
if had[1] ~= ARGV[1] then redis.call('HDEL', ledger, 'filled') end
-- The number of commits counts on and nobody holds the new token: whoever worked on an earlier one is fenced.
redis.call('HSET', ledger, 'version', ARGV[1], 'run', ARGV[2], 'status', 'open', 'reason', '', 'offsets', ARGV[3],
  'clocks', '', 'token', '', 'takes', 0, 'suspect', '', 'heartbeat', now_ms(), 'released', '1')
return 'OK'

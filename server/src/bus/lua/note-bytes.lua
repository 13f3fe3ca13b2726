-- Notes how many bytes the logs of the partition take, for appends to compare.
-- KEYS meta   ARGV token, bytes
if not owns(KEYS[1], ARGV[1]) then return 'FENCED' end
redis.call('HSET', KEYS[1], 'bytes', ARGV[2])
return 'OK'

-- Notes the event an owner is about to fold, so that its successor knows what it died of.
-- KEYS meta   ARGV token, the suspect
-- Returns 'OK' or 'FENCED'
if not owns(KEYS[1], ARGV[1]) then return 'FENCED' end
redis.call('HSET', KEYS[1], 'suspect', ARGV[2])
return 'OK'

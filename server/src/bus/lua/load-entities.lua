-- What a commit on some entities builds on: record and length of the trail of each, at one moment.
-- KEYS hash of records, list for each key   ARGV bytes of records after which to stop, key...
-- Returns record (or nil) and length for each key, in order, of the first keys at least one
local limit, bytes = tonumber(ARGV[1]), 0
local found, n = {}, 0
for i = 2, #ARGV do
  local record = redis.call('HGET', KEYS[1], ARGV[i])
  found[n + 1], found[n + 2] = record, redis.call('LLEN', KEYS[i])
  n = n + 2
  bytes = bytes + (record and #record or 0)
  if bytes >= limit then break end
end
return found

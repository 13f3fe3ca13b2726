-- Where the answers to some commands lie, at one moment.
-- KEYS hash of this generation, of the previous one   ARGV id, at most 1,000
-- Returns '<tag> <stream id>.<index>' (or nil) for each, in order
local places = redis.call('HMGET', KEYS[1], unpack(ARGV))
local missing, at, n = {}, {}, 0
for i = 1, #ARGV do
  if not places[i] then
    n = n + 1
    missing[n], at[n] = ARGV[i], i
  end
end
if n == 0 or redis.call('EXISTS', KEYS[2]) == 0 then return places end
local older = redis.call('HMGET', KEYS[2], unpack(missing))
for i = 1, n do places[at[i]] = older[i] end
return places

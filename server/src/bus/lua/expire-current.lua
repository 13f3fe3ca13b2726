-- Removes latest results that are as old as what retention removes from the log of their topic. Looks at some of them.
-- KEYS meta, latest results   ARGV token, retention in ms, cursor, about how many to look at
-- Returns { cursor of the next call, looked at, removed }, or 'FENCED'

-- `unpack` takes 7,999 values.
local MAX_UNPACKED = 4000
local meta, latest = KEYS[1], KEYS[2]
if not owns(meta, ARGV[1]) then return 'FENCED' end
local oldest = now_ms() - tonumber(ARGV[2])
local page = redis.call('HSCAN', latest, ARGV[3], 'COUNT', ARGV[4])
local expired = {}
for i = 1, #page[2], 2 do
  -- A result begins with the stream id of its entry, which begins with the time of the append.
  if tonumber(string.match(page[2][i + 1], '^%d+')) < oldest then expired[#expired + 1] = page[2][i] end
end
for first = 1, #expired, MAX_UNPACKED do
  redis.call('HDEL', latest, unpack(expired, first, math.min(first + MAX_UNPACKED - 1, #expired)))
end
return { page[1], #page[2] / 2, #expired }

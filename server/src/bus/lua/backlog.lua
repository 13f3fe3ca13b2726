-- How much of a log lies behind an entry. Counted up to a bound, since the entries are read for it; beyond the bound
-- what lies between the two ids is taken from how much lies in the log in all.
-- KEYS log   ARGV stream id, entries that are counted at most
-- Returns { entries, '1' if they are counted, ms since the oldest of them was added }
local log, after, most = KEYS[1], ARGV[1], tonumber(ARGV[2])
local behind = redis.call('XRANGE', log, '(' .. after, '+', 'COUNT', most + 1)
if #behind == 0 then return { 0, '1', 0 } end
local first = behind[1][1]
local age = math.max(0, now_ms() - ms_of(first))
if #behind <= most then return { #behind, '1', age } end
local all = extent(log)
if all.first == first then return { all.entries, '1', age } end
local share = (ms_of(all.last) - ms_of(first) + 1) / (ms_of(all.last) - ms_of(all.first) + 1)
return { math.max(most + 1, math.floor(all.entries * share + 0.5)), '', age }

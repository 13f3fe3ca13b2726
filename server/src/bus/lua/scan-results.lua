-- Some of the latest results of a topic, in small steps: HSCAN knows no limit of bytes.
-- KEYS hash   ARGV cursor, results and bytes after which to stop
-- Returns { cursor, field, value, ... }
local STEP = 16
local cursor, most, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
-- Of a hash from which most was removed a step finds next to nothing.
local steps = 2 * math.ceil(most / STEP)
local page, n, bytes = {}, 1, 0
repeat
  local found = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', STEP)
  cursor = found[1]
  for _, text in ipairs(found[2]) do
    n = n + 1
    page[n] = text
    bytes = bytes + #text
  end
  steps = steps - 1
until cursor == '0' or n > 2 * most or bytes >= limit or steps == 0
page[1] = cursor
return page

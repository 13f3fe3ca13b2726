-- Some of the fields of a hash, in small steps: HSCAN knows no limit of bytes.
-- KEYS hash   ARGV cursor, identity of the Redis that gave it or '', fields and bytes after which to stop
-- Returns { cursor, identity of this Redis, field, value, ... }
local STEP = 16
local cursor, given, most, limit = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local identity = string.sub(string.match(redis.call('INFO', 'server'), 'run_id:(%x+)'), 1, 8)
-- Each process of Redis has an order of its own: the cursor of another one would leave some out.
if given ~= '' and given ~= identity then cursor = '0' end
-- Of a hash from which most was removed a step finds next to nothing.
local steps = 2 * math.ceil(most / STEP)
local page, n, bytes = {}, 2, 0
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
page[1], page[2] = cursor, identity
return page

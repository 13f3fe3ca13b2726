-- Whole lists that are short, together.
-- KEYS list...   ARGV bytes after which to stop
-- Returns the items of each of the first lists, in order: of those that are read to their ends by then
local STEP = 16
local limit, bytes = tonumber(ARGV[1]), 0
local lists = {}
for i = 1, #KEYS do
  local items, n, step = {}, 0, nil
  repeat
    if bytes >= limit then return lists end
    step = redis.call('LRANGE', KEYS[i], n, n + STEP - 1)
    for j = 1, #step do
      n = n + 1
      items[n] = step[j]
      bytes = bytes + #step[j]
    end
  until #step < STEP
  lists[i] = items
end
return lists

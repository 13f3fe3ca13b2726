-- Items of a list, in small steps: LRANGE knows no limit of bytes.
-- KEYS list   ARGV index of the first and of the last item, bytes after which to stop
-- Returns the first of them, at least one if there is one
local STEP = 16
local from, to, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local items, n, bytes = {}, 0, 0
while from <= to and bytes < limit do
  local step = redis.call('LRANGE', KEYS[1], from, math.min(from + STEP - 1, to))
  if #step == 0 then break end
  for i = 1, #step do
    n = n + 1
    items[n] = step[i]
    bytes = bytes + #step[i]
  end
  from = from + STEP
end
return items

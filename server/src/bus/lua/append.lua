-- Appends to one partition or several, each by itself: what one refuses changes nothing for the others.
-- KEYS and ARGV of each partition one after the other: see append-partition.lua
-- Returns what `append_partition` does for each, or { 'ERROR', message } for one in which a command failed
local replies = {}
local key, arg = 1, 1
while arg <= #ARGV do
  local batches = tonumber(ARGV[arg])
  replies[#replies + 1] = contained(append_partition, key, arg)
  key, arg = key + KEYS_BEFORE_LOGS + batches, arg + ARGV_BEFORE_BATCHES + 2 * batches
end
return replies

-- Stores one commit or several of different partitions, each by itself: what one refuses changes nothing for the others.
-- KEYS of each one after the other: see commit-part.lua
-- ARGV of each one after the other: how many keys and arguments it has, and these
-- Returns what `commit_part` does for each, or { 'ERROR', message } for one in which a command failed
local replies = {}
local key, arg = 1, 1
while arg <= #ARGV do
  local behind_key, behind_arg = key + tonumber(ARGV[arg]), arg + 2 + tonumber(ARGV[arg + 1])
  replies[#replies + 1] = contained(commit_part, key, arg + 2, behind_arg - 1)
  key, arg = behind_key, behind_arg
end
return replies

-- The operations of a commit. ARGV from `at` on holds one: its letter, a number that counts keys from 1 behind the first
-- three of its part, and what commit-part.lua lists.
-- Keys before these, and the epoch of the log.
local keys_before, epoch_of_part
local function key_at(at) return KEYS[tonumber(ARGV[at]) + keys_before] end
local function count_at(at) return tonumber(ARGV[at]) end
local function is_named(at) return ARGV[at] ~= '0' end

-- How many arguments an operation has.
local size = {
  S = function() return 3 end,
  D = function(at) return 3 + count_at(at + 2) end,
  R = function() return 2 end,
  N = function() return 3 end,
  L = function(at) return 5 + count_at(at + 4) end,
  P = function() return 2 end,
  Z = function(at) return 4 + count_at(at + 2) + count_at(at + 3) end,
  X = function() return 9 end,
}

-- What operations looked at so far will have made of keys: type, and length of a list.
local types, lengths = {}, {}
local function type_of(key)
  types[key] = types[key] or redis.call('TYPE', key).ok
  return types[key]
end
local function length_of(key)
  lengths[key] = lengths[key] or redis.call('LLEN', key)
  return lengths[key]
end
-- Asks once for both, as a commit pushes to many lists: one that exists is never empty.
local function look_at_list(key)
  if types[key] then return end
  local length = redis.pcall('LLEN', key)
  if type(length) == 'number' then types[key], lengths[key] = length == 0 and 'none' or 'list', length end
end
local function will_be(key, kind, length) types[key], lengths[key] = kind, length end

local OWNED = { none = true, hash = true, list = true, zset = true }
local function not_owned(key)
  if not OWNED[type_of(key)] then return { 'TYPE', key } end
end
local function not_of(kind, key)
  local found = type_of(key)
  if found ~= 'none' and found ~= kind then return { 'TYPE', key } end
  types[key] = kind
end
local function grows(key, length, by)
  look_at_list(key)
  local refusal = not_of('list', key)
  if refusal then return refusal end
  if length_of(key) ~= length then return { 'CONFLICT' } end
  lengths[key] = length + by
end

-- By place in ARGV, as they are looked at before they are applied.
local lists_at = {}
local function lists_of(at)
  lists_at[at] = lists_at[at] or cmsgpack.unpack(ARGV[at + 1])
  return lists_at[at]
end

local function not_a_hash(at) return not_of('hash', key_at(at + 1)) end

-- The refusal of an operation, or nil.
local refusal_of = {
  S = not_a_hash,
  D = not_a_hash,
  R = function(at)
    local key = key_at(at + 1)
    local refusal = not_owned(key)
    will_be(key, 'none', 0)
    return refusal
  end,
  N = function(at)
    local from, to = key_at(at + 1), key_at(at + 2)
    local refusal = not_owned(from) or not_owned(to)
    if refusal then return refusal end
    local kind = type_of(from)
    local length = kind == 'list' and length_of(from) or 0
    will_be(from, 'none', 0)
    will_be(to, kind, length)
  end,
  L = function(at)
    return grows(key_at(at + 1), count_at(at + 2), count_at(at + 4) - count_at(at + 3))
  end,
  P = function(at)
    local lists, i = lists_of(at), 1
    while lists[i] do
      local count = lists[i + 2]
      local refusal = grows(KEYS[lists[i] + keys_before], lists[i + 1], count)
      if refusal then return refusal end
      i = i + 3 + count
    end
  end,
  Z = function(at) return not_of('zset', key_at(at + 1)) end,
  X = function(at)
    return not_of('stream', key_at(at + 1))
      or is_named(at + 5) and not_of('hash', key_at(at + 5))
      or is_named(at + 7) and not_of('hash', key_at(at + 7))
  end,
}

-- Applies an operation. Returns the id of an appended entry.
local apply = {
  S = function(at)
    local list = cmsgpack.unpack(ARGV[at + 2])
    chunked('HSET', key_at(at + 1), list, 1, #list)
  end,
  D = function(at) chunked('HDEL', key_at(at + 1), ARGV, at + 3, at + 2 + count_at(at + 2)) end,
  R = function(at) redis.call('UNLINK', key_at(at + 1)) end,
  N = function(at)
    local from, to = key_at(at + 1), key_at(at + 2)
    -- RENAME alone would free what it replaces at once, however large.
    redis.call('UNLINK', to)
    if redis.call('EXISTS', from) == 1 then redis.call('RENAME', from, to) end
  end,
  L = function(at)
    local key, dropped = key_at(at + 1), count_at(at + 3)
    chunked('RPUSH', key, ARGV, at + 5, at + 4 + count_at(at + 4))
    if dropped > 0 then redis.call('LTRIM', key, dropped, -1) end
  end,
  P = function(at)
    local lists, i = lists_of(at), 1
    while lists[i] do
      local behind = i + 3 + lists[i + 2]
      chunked('RPUSH', KEYS[lists[i] + keys_before], lists, i + 3, behind - 1)
      i = behind
    end
  end,
  Z = function(at)
    local key, first_added = key_at(at + 1), at + 4 + count_at(at + 2)
    chunked('ZREM', key, ARGV, at + 4, first_added - 1)
    local list, n = {}, 0
    for i = first_added, first_added + count_at(at + 3) - 1 do
      list[n + 1], list[n + 2] = 0, ARGV[i]
      n = n + 2
    end
    chunked('ZADD', key, list, 1, n)
  end,
  X = function(at)
    local entry = { 'e', epoch_of_part, 'h', ARGV[at + 2], 'd', ARGV[at + 3] }
    if ARGV[at + 4] ~= '' then entry[7], entry[8] = 'w', ARGV[at + 4] end
    local id = redis.call('XADD', key_at(at + 1), '*', unpack(entry))
    if is_named(at + 5) then
      local list, n = latest(key_at(at + 5), cmsgpack.unpack(ARGV[at + 6]), ARGV[at + 3], id)
      chunked('HSET', key_at(at + 5), list, 1, n)
    end
    if is_named(at + 7) then
      local list, n = places(cmsgpack.unpack(ARGV[at + 8]), id)
      chunked('HSET', key_at(at + 7), list, 1, n)
    end
    return id
  end,
}

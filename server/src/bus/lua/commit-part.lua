-- Stores state, outputs, offsets and clocks of one commit, all or nothing. Every check comes before the first write.
-- KEYS from first_key on: meta, ledger (meta itself, or that of a backfill), a key that never exists (see keys.ts), then
--      every key an operation names
-- ARGV from first_arg to last_arg: epoch and lineage it was computed under, token, commitSeq this commit builds on,
--      commit id, offsets it starts from, new offsets, new clocks, '1' to go on counting takes, then operations, in the
--      order in which they apply:
--      'S' key list                         set fields of a hash: field, value and so on
--      'D' key n  n x field                 delete fields of a hash
--      'R' key                              remove a hash, list or sorted set
--      'N' key key2                         key takes the place of key2, which is removed also when there is no key
--      'L' key length m n  n x item         add to the end of a list that has this length, then remove the first m
--      'P' list                             the same of lists of which nothing is removed: for each key, length, number of
--                                           items, then the items
--      'Z' key n m  n x member  m x member  remove members of a sorted set, then add others, of score 0
--      'X' key header payload watermark key2 list key3 list3
--                 append a record batch; of field, index, and offset and length of an event in the payload: into hash key2
--                 (0 = none) goes field -> '<stream id>.<index> <event>', unless what is there is of a later time; and of
--                 field, tag and index: into hash key3 (0 = none) goes field -> '<tag> <stream id>.<index>'
--      where key counts from 1 behind these three, a list is one of packed.lua, and an empty watermark is left out
-- Returns 'OK' and the stream ids of the X operations, 'FENCED', 'CONFLICT', 'LINEAGE' stored current epoch, or
--      'TYPE' key
-- Arguments before the operations.
local HEAD = 9
local function commit_part(first_key, first_arg, last_arg)
  local meta, ledger = KEYS[first_key], KEYS[first_key + 1]
  local epoch, lineage, token, base, commit_id, offsets_before, offsets, clocks, keeps_takes =
    unpack(ARGV, first_arg, first_arg + HEAD - 1)
  -- Also ahead of its own id: an answer from before what Redis lost says nothing about what is there now.
  local refusal = moved_on(meta, epoch, lineage)
  if refusal then return refusal end
  local had = redis.call('HMGET', ledger, 'commitId', 'token', 'commitSeq', 'offsets', 'reply', 'takes')
  if had[1] == commit_id then return { 'OK', had[5] } end
  if had[2] ~= token then return { 'FENCED' } end
  if (had[3] or '0') ~= base or (had[4] or '') ~= offsets_before then return { 'CONFLICT' } end

  keys_before, epoch_of_part = first_key + 2, epoch
  local at = first_arg + HEAD
  while at <= last_arg do
    refusal = refusal_of[ARGV[at]](at)
    if refusal then return refusal end
    at = at + size[ARGV[at]](at)
  end
  local ids = {}
  at = first_arg + HEAD
  while at <= last_arg do
    ids[#ids + 1] = apply[ARGV[at]](at)
    at = at + size[ARGV[at]](at)
  end

  local reply = table.concat(ids, ' ')
  redis.call('HSET', ledger, 'commitSeq', tonumber(base) + 1, 'commitId', commit_id, 'reply', reply, 'offsets', offsets,
    'clocks', clocks, 'heartbeat', now_ms(), 'takes', keeps_takes == '1' and had[6] or 0, 'suspect', '')
  return { 'OK', reply }
end

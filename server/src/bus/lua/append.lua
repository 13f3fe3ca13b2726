-- Judges the slices of one append and stores the batches that hold a new one. Every refusal comes before the first write.
-- KEYS meta, prod:cur, prod:prev, log...                        (log k belongs to batch k)
-- ARGV generation ms, slice count, then per slice: batch (1-based), producer, session, seq, prev ('*' = any), crc, age ms,
--      index of its last event; then per batch: header, payload
-- Returns { 'OK', epoch, verdicts, positions }, the last two with one value per slice,
--      or { 'LINEAGE', stored, current } or { 'TYPE', key }
-- Verdicts: N new, D duplicate, O out of order, F fenced, C conflict, U unknown.
-- A position is `streamId.index` of the slice's last event, for N and D (D of an older seq: the newest known, which lies after it).
local meta, cur, prev = KEYS[1], KEYS[2], KEYS[3]
local generation_ms, slices = tonumber(ARGV[1]), tonumber(ARGV[2])
local STRIDE, FIRST = 8, 3

local lineage = current_lineage()
local stored = redis.call('HMGET', meta, 'epoch', 'lineage', 'generation')
local epoch = stored[1]
if not epoch or stored[2] ~= lineage then return { 'LINEAGE', stored[2] or '', lineage } end
for k = 4, #KEYS do
  local kind = redis.call('TYPE', KEYS[k]).ok
  if kind ~= 'none' and kind ~= 'stream' then return { 'TYPE', KEYS[k] } end
end

local states = {}
local function state_of(producer)
  local st = states[producer]
  if st == nil then
    local raw = redis.call('HGET', cur, producer) or redis.call('HGET', prev, producer)
    st = false
    if raw then
      local session, seq, crc, position = string.match(raw, '^(%d+) (%d+) (%S+) (%S+)$')
      st = { session = tonumber(session), seq = tonumber(seq), crc = crc, position = position }
    end
    states[producer] = st
  end
  return st
end

local function judge(at, producer)
  local session, seq, before, crc = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), ARGV[at + 4], ARGV[at + 5]
  local st = state_of(producer)
  if not st then
    if before ~= '*' or tonumber(ARGV[at + 6]) >= generation_ms then return 'U' end
  else
    if session < st.session then return 'F' end
    if seq == st.seq and crc ~= st.crc then return 'C' end
    if seq <= st.seq then
      if session > st.session then st.session = session; st.changed = true end
      return 'D'
    end
    if before ~= '*' and tonumber(before) ~= st.seq then return 'O' end
  end
  states[producer] = { session = session, seq = seq, crc = crc, slice = at, changed = true }
  return 'N'
end

local verdicts, positions, refused, fresh, ordinal = {}, {}, {}, {}, {}
for i = 1, slices do
  local at = FIRST + (i - 1) * STRIDE
  local batch, producer = tonumber(ARGV[at]), ARGV[at + 1]
  local verdict = producer == '' and 'N' or judge(at, producer)
  local nth = ordinal[batch] or 0
  ordinal[batch] = nth + 1
  verdicts[i] = verdict
  if verdict == 'N' then
    fresh[batch] = true
    positions[i] = at
  else
    positions[i] = verdict == 'D' and (states[producer].position or states[producer].slice) or ''
    local masked = refused[batch]
    refused[batch] = masked and (masked .. ',' .. nth) or tostring(nth)
  end
end

local ids = {}
local body = FIRST + slices * STRIDE
for k = 4, #KEYS do
  local batch = k - 3
  if fresh[batch] then
    local at = body + (batch - 1) * 2
    if refused[batch] then
      ids[batch] = redis.call('XADD', KEYS[k], '*', 'e', epoch, 'h', ARGV[at], 'd', ARGV[at + 1], 'x', refused[batch])
    else
      ids[batch] = redis.call('XADD', KEYS[k], '*', 'e', epoch, 'h', ARGV[at], 'd', ARGV[at + 1])
    end
  end
end

-- Positions of slices stored by this very call were noted as the slice's place in ARGV until the ids were known.
local function position_at(at) return ids[tonumber(ARGV[at])] .. '.' .. ARGV[at + 7] end
for i = 1, slices do
  if type(positions[i]) == 'number' then positions[i] = position_at(positions[i]) end
end

local writes = {}
for producer, st in pairs(states) do
  if st and st.changed then
    writes[#writes + 1] = producer
    writes[#writes + 1] = st.session .. ' ' .. st.seq .. ' ' .. st.crc .. ' ' .. (st.position or position_at(st.slice))
  end
end
if #writes > 0 then
  local time = redis.call('TIME')
  local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  local began = tonumber(stored[3] or '0')
  if now - began >= generation_ms then
    if redis.call('EXISTS', cur) == 1 then redis.call('RENAME', cur, prev) end
    redis.call('HSET', meta, 'generation', now)
  end
  for from = 1, #writes, 4000 do
    redis.call('HSET', cur, unpack(writes, from, math.min(from + 3999, #writes)))
  end
end

return { 'OK', epoch, verdicts, positions }

-- Judges the slices of one append and stores the batches that hold a new one. Every refusal comes before the first write.
-- KEYS meta, prod:cur, prod:prev, log...                        (log k belongs to batch k)
-- ARGV generation ms, lineage that the caller has proved ('' for none yet), slices, then per batch: header, payload
--      slices: a line each of batch (1-based), session, seq, prev ('*' = any), epoch ('*' = any), crc, age ms, index of its
--      last event, and to the line's end the producer, '' for none
-- Returns { 'OK', epoch, verdicts, positions, lineage }: a letter per slice, and a word per slice,
--      or { 'LINEAGE', stored, current, epoch } or { 'TYPE', key }
-- Verdicts: N new, D duplicate, O out of order, F fenced, C conflict, U unknown, E another epoch than the producer's.
-- A position is `streamId.index` of the slice's last event for N and D (D of an older seq: the newest known, which lies
-- after it), else '-'.
local meta, cur, prev = KEYS[1], KEYS[2], KEYS[3]
local generation_ms = tonumber(ARGV[1])
local proved = ARGV[2]
local FIRST_BATCH = 4

local lineage = current_lineage()
local stored = redis.call('HMGET', meta, 'epoch', 'lineage', 'generation')
local epoch = stored[1]
if not epoch or stored[2] ~= lineage or (proved ~= '' and proved ~= lineage) then
  return { 'LINEAGE', stored[2] or '', lineage, epoch or '' }
end
for k = 4, #KEYS do
  local kind = redis.call('TYPE', KEYS[k]).ok
  if kind ~= 'none' and kind ~= 'stream' then return { 'TYPE', KEYS[k] } end
end

local slices = {}
local LINE = '(%d+) (%d+) (%d+) (%S+) (%S+) (%S+) (%d+) (%d+) ([^\n]*)\n'
for batch, session, seq, before, under, crc, age, last, producer in string.gmatch(ARGV[3], LINE) do
  slices[#slices + 1] = {
    batch = tonumber(batch), session = tonumber(session), seq = tonumber(seq), before = before, epoch = under, crc = crc,
    age_ms = tonumber(age), last = last, producer = producer
  }
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

local function judge(slice)
  if slice.epoch ~= '*' and slice.epoch ~= epoch then return 'E' end
  local st = state_of(slice.producer)
  if not st then
    if slice.before ~= '*' or slice.age_ms >= generation_ms then return 'U' end
  else
    if slice.session < st.session then return 'F' end
    if slice.seq == st.seq and slice.crc ~= st.crc then return 'C' end
    if slice.seq <= st.seq then
      if slice.session > st.session then st.session = slice.session; st.changed = true end
      return 'D'
    end
    if slice.before ~= '*' and tonumber(slice.before) ~= st.seq then return 'O' end
  end
  states[slice.producer] = { session = slice.session, seq = slice.seq, crc = slice.crc, slice = slice, changed = true }
  return 'N'
end

local verdicts, positions, refused, fresh, ordinal = {}, {}, {}, {}, {}
for i, slice in ipairs(slices) do
  local batch = slice.batch
  local verdict = slice.producer == '' and 'N' or judge(slice)
  local nth = ordinal[batch] or 0
  ordinal[batch] = nth + 1
  verdicts[i] = verdict
  if verdict == 'N' then
    fresh[batch] = true
    positions[i] = slice
  else
    local st = verdict == 'D' and states[slice.producer]
    positions[i] = st and (st.position or st.slice) or '-'
    local masked = refused[batch]
    refused[batch] = masked and (masked .. ',' .. nth) or tostring(nth)
  end
end

local ids = {}
for k = 4, #KEYS do
  local batch = k - 3
  if fresh[batch] then
    local at = FIRST_BATCH + (batch - 1) * 2
    if refused[batch] then
      ids[batch] = redis.call('XADD', KEYS[k], '*', 'e', epoch, 'h', ARGV[at], 'd', ARGV[at + 1], 'x', refused[batch])
    else
      ids[batch] = redis.call('XADD', KEYS[k], '*', 'e', epoch, 'h', ARGV[at], 'd', ARGV[at + 1])
    end
  end
end

-- Positions of slices stored by this very call were noted as the slice until the ids were known.
local function position_of(slice) return ids[slice.batch] .. '.' .. slice.last end
for i, position in ipairs(positions) do
  if type(position) == 'table' then positions[i] = position_of(position) end
end

local writes = {}
for producer, st in pairs(states) do
  if st and st.changed then
    writes[#writes + 1] = producer
    writes[#writes + 1] = st.session .. ' ' .. st.seq .. ' ' .. st.crc .. ' ' .. (st.position or position_of(st.slice))
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

return { 'OK', epoch, table.concat(verdicts), table.concat(positions, ' '), lineage }

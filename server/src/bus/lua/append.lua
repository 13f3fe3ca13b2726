-- Judges the slices of one append and stores the batches that hold a new one. Every refusal comes before the first write.
-- KEYS meta, prod:cur, prod:prev, log...                        (log k belongs to batch k)
-- ARGV generation ms, lineage that the caller has proved ('' for none yet), slices, producers a generation may hold, bytes the
--      partition may hold (0 = any), then per batch: header, payload
--      slices: a line each of batch (1-based; 0 = nothing to store), session, seq, prev ('*' = any), epoch ('*' = any), checksum,
--      age ms (-1 = a first attempt), index of its last event, sequence (0 = unnamed), refusals ('-' = none), and to the line's
--      end the producer, '' for none
-- Returns { 'OK', epoch, verdicts, positions, lineage, refusals }: a letter, a word, and a word per slice, or { 'LINEAGE', stored,
--      current, epoch }, { 'TYPE', key } or { 'FULL' }
-- Refusals are those a duplicate had at first: '.' none, '-' not known. '' stands for '-' of all slices.
-- Verdicts: N new, D duplicate, O out of order, F fenced, C conflict, U unknown, E another epoch than the producer's, S no room
-- for another producer.
-- A position is `streamId.index` of the slice's last event for N and D (D of an older seq: the newest known, which lies
-- after it), else '-'.
local meta, cur, prev = KEYS[1], KEYS[2], KEYS[3]
local generation_ms = tonumber(ARGV[1])
local proved = ARGV[2]
local max_producers = tonumber(ARGV[4])
local max_bytes = tonumber(ARGV[5])
local FIRST_BATCH = 6
-- Under many producers a generation may be shorter than it should be, but no shorter than this: that is how long a retry without
-- an age is recognised at least.
local SHORTEST_GENERATION_MS = math.min(generation_ms, 10 * 60 * 1000)
-- An age is as of when its frame was sent.
local TRANSIT_MS = 5000
-- Earlier slices of an unnamed sequence that can be proved to be repeated: 64 frames may be unanswered.
local MAX_ENTRY_BYTES = 1536

local lineage = current_lineage()
local stored = redis.call('HMGET', meta, 'epoch', 'lineage', 'generation', 'known', 'bytes')
local epoch = stored[1]
if not epoch or stored[2] ~= lineage or (proved ~= '' and proved ~= lineage) then
  return { 'LINEAGE', stored[2] or '', lineage, epoch or '' }
end
for k = 4, #KEYS do
  local kind = redis.call('TYPE', KEYS[k]).ok
  if kind ~= 'none' and kind ~= 'stream' then return { 'TYPE', KEYS[k] } end
end
if max_bytes > 0 and tonumber(stored[5] or '0') >= max_bytes then return { 'FULL' } end

local slices = {}
local LINE = '(%d+) (%d+) (%d+) (%S+) (%S+) (%S+) (%-?%d+) (%-?%d+) (%d+) (%S+) ([^\n]*)\n'
for batch, session, seq, before, under, crc, age, last, sequence, refused, producer in string.gmatch(ARGV[3], LINE) do
  slices[#slices + 1] = {
    batch = tonumber(batch), session = tonumber(session), seq = tonumber(seq), before = before, epoch = under, crc = crc,
    age_ms = tonumber(age), last = last, sequence = tonumber(sequence), sequence_name = sequence, refused = refused,
    producer = producer
  }
end

local clock
local function now_ms()
  if not clock then
    local time = redis.call('TIME')
    clock = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  end
  return clock
end
local began = tonumber(stored[3] or '0')

-- A state is `session seq kept position`. `kept` is the sequence and an entry `,seq~checksum` for each slice of which that is kept,
-- newest first, with `!refusals` behind it where events were refused. `,seq~?` at the end: of that one and older ones nothing is
-- known. States without entries were written before there were any.
local states = {}
local function state_of(producer)
  local st = states[producer]
  if st == nil then
    local current = redis.call('HGET', cur, producer)
    local raw = current or redis.call('HGET', prev, producer)
    st = false
    if raw then
      local session, seq, kept, position = string.match(raw, '^(%d+) (%d+) (%S+) (%S+)$')
      local sequence, entries = string.match(kept, '^(%d+)(,.*)$')
      st = {
        session = tonumber(session), seq = tonumber(seq), sequence = tonumber(sequence or '0'), entries = entries,
        kept = kept, position = position, is_current = current
      }
    end
    states[producer] = st
  end
  return st
end

local function entries_with(st, slice)
  local entry = ',' .. slice.seq .. '~' .. slice.crc
  if slice.refused ~= '-' then entry = entry .. '!' .. slice.refused end
  local older = st and st.sequence == slice.sequence and st.entries or ''
  if slice.sequence ~= 0 and older ~= '' then
    -- A sequence that its producer names is not counted anew: only what was refused has to be kept.
    local refusals = ''
    if string.find(older, '[!?]') then
      for each in string.gmatch(older, ',[^,]+') do
        if string.find(each, '[!?]') then refusals = refusals .. each end
      end
    end
    older = refusals
  end
  if #older > MAX_ENTRY_BYTES then
    local kept = string.match(string.sub(older, 1, MAX_ENTRY_BYTES), '^(.*),') or ''
    older = kept .. ',' .. string.match(older, '^,(%d+)~', #kept + 1) .. '~?'
  end
  return entry .. older
end

-- Judges a slice whose seq is not above the last one: it is a duplicate if its content is what was stored under that seq.
local function judge_known(st, slice)
  if not st.entries then return 'D' end
  local at = string.find(st.entries, ',' .. slice.seq .. '~', 1, true)
  if at then
    local crc, refused = string.match(st.entries, '~([^!,]*)!?([^,]*)', at)
    if crc == slice.crc then
      slice.had_refused = refused ~= '' and refused or '.'
      return 'D'
    end
    if crc ~= '?' then return 'C' end
  end
  -- A first attempt under a seq that was used: the producer counts anew.
  if slice.age_ms < 0 then return 'C' end
  local unknown_to = tonumber(string.match(st.entries, ',(%d+)~%?$') or '-1')
  if slice.sequence == 0 or slice.seq <= unknown_to then return 'U' end
  slice.had_refused = '.'
  return 'D'
end

-- Whether a state of that age may have been dropped with its generation.
local function is_forgotten(age_ms)
  if age_ms >= generation_ms then return true end
  return age_ms > 0 and stored[4] and now_ms() - age_ms < tonumber(stored[4]) + TRANSIT_MS
end

local held, added = nil, 0
local function rotates()
  local age_ms = now_ms() - began
  if age_ms >= generation_ms then return true end
  return age_ms >= SHORTEST_GENERATION_MS and held ~= nil and held + added >= max_producers
end
-- Those known from the generation before have as much room again: new ones must not keep them out.
local function has_room(st)
  if st and (st.is_current or st.changed) then return true end
  held = held or redis.call('HLEN', cur)
  if held + added >= (st and 2 * max_producers or max_producers) and not rotates() then return false end
  added = added + 1
  return true
end

local function judge(slice)
  if slice.epoch ~= '*' and slice.epoch ~= epoch then return 'E' end
  local st = state_of(slice.producer)
  if st then
    if slice.sequence < st.sequence then return 'F' end
    if slice.sequence == st.sequence and slice.session < st.session then return 'F' end
  end
  if st and slice.sequence == st.sequence then
    if slice.seq <= st.seq then
      local verdict = judge_known(st, slice)
      if verdict == 'D' and slice.session > st.session then st.session = slice.session; st.changed = true end
      return verdict
    end
    if slice.before ~= '*' and tonumber(slice.before) ~= st.seq then return 'O' end
  else
    if slice.before ~= '*' then return 'O' end
    if is_forgotten(slice.age_ms) then return 'U' end
  end
  if not has_room(st) then return 'S' end
  local is_empty = slice.batch == 0
  states[slice.producer] = {
    session = slice.session, seq = slice.seq, sequence = slice.sequence, changed = true,
    entries = entries_with(st, slice), sequence_name = slice.sequence_name,
    slice = not is_empty and slice or st and st.slice or nil, position = is_empty and st and st.position or nil
  }
  return 'N'
end

local verdicts, positions, refused, fresh, ordinal = {}, {}, {}, {}, {}
local refusals, has_refusals = {}, false
for i, slice in ipairs(slices) do
  local batch = slice.batch
  local verdict = slice.producer == '' and 'N' or judge(slice)
  local nth = ordinal[batch] or 0
  ordinal[batch] = nth + 1
  verdicts[i] = verdict
  refusals[i] = '-'
  if verdict == 'N' then
    fresh[batch] = true
    positions[i] = batch > 0 and slice or '-'
  else
    local st = verdict == 'D' and states[slice.producer]
    positions[i] = st and (st.position or st.slice) or '-'
    if st and slice.had_refused then
      refusals[i] = slice.had_refused
      has_refusals = true
    end
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
    local kept = st.sequence_name and st.sequence_name .. st.entries or st.kept
    local position = st.position or (st.slice and position_of(st.slice)) or '-'
    writes[#writes + 1] = producer
    writes[#writes + 1] = st.session .. ' ' .. st.seq .. ' ' .. kept .. ' ' .. position
  end
end
if #writes > 0 then
  if rotates() then
    if redis.call('EXISTS', cur) == 1 then
      redis.call('RENAME', cur, prev)
      redis.call('HSET', meta, 'known', began)
    end
    redis.call('HSET', meta, 'generation', now_ms())
  end
  for from = 1, #writes, 4000 do
    redis.call('HSET', cur, unpack(writes, from, math.min(from + 3999, #writes)))
  end
end

return {
  'OK', epoch, table.concat(verdicts), table.concat(positions, ' '), lineage,
  has_refusals and table.concat(refusals, ' ') or ''
}

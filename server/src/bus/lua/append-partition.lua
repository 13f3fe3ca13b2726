-- Judges the slices of one append to one partition and stores the batches that hold a new one. All checks come before the
-- first write.
-- From KEYS[first_key] on: meta, then states and older entries of this generation of producers, those of the previous one,
--      a key that never exists (see keys.ts), then per batch: its log
-- From ARGV[first_arg] on: number of batches, generation ms, lineage that the caller has proved ('' for none yet), slices,
--      producers a generation may hold, bytes the partition may hold (0 = any), then per batch: header, payload
--      slices: a line each of batch (1-based; 0 = nothing to store), session, seq, prev ('*' = any), epoch ('*' = any),
--      checksum, age ms (-1 = a first attempt), index of its last event, sequence (0 = unnamed), refusals ('-' = none),
--      and to the line's end the producer, '' for none
--      A run of slices that continue each other is one line, as if it were one slice, with the first and the last seq as
--      `first+last`. With a run, everything is new, or it all has to be sent slice by slice: masks count slices
-- Returns { 'OK', epoch, verdicts, positions, lineage, refusals }: a letter, a word, and a word per slice,
--      or { 'LINEAGE', stored, current, epoch }, { 'TYPE', key }, { 'FULL' } or { 'SPLIT' }
-- Refusals are those of a duplicate's first attempt: '.' none, '-' not known. '' stands for '-' of all slices.
-- Verdicts: N new, D duplicate, O out of order, F fenced, C conflict, U unknown, E another epoch than the slice names,
-- S no room for another producer.
-- A position is `streamId.index` of the slice's last event for N and D (D of an older seq: the newest known, which lies
-- after it), else '-'.
local KEYS_BEFORE_LOGS = 6
local ARGV_BEFORE_BATCHES = 6
local function append_partition(first_key, first_arg)
  local meta, cur, cur_older, prev, prev_older = unpack(KEYS, first_key, first_key + 4)
  local last_key, last_arg = first_key + KEYS_BEFORE_LOGS - 1, first_arg + ARGV_BEFORE_BATCHES - 1
  local batches, generation_ms = tonumber(ARGV[first_arg]), tonumber(ARGV[first_arg + 1])
  local proved, lines = ARGV[first_arg + 2], ARGV[first_arg + 3]
  local max_producers, max_bytes = tonumber(ARGV[first_arg + 4]), tonumber(ARGV[first_arg + 5])
  -- With many producers a generation may end early, but lasts at least this long: it bounds from below how long a retry
  -- without an age is recognised.
  local SHORTEST_GENERATION_MS = math.min(generation_ms, 10 * 60 * 1000)
  -- An age counts until its frame was sent.
  local TRANSIT_MS = 5000
  -- A state is read and written with every append of its producer, so it holds few entries: a dozen without refusals.
  local MAX_ENTRY_BYTES = 256
  -- 64 frames may be unanswered, and an entry without refusals has 30 bytes at most.
  local MAX_OLDER_BYTES = 64 * 30
  -- `unpack` takes 7,999 values.
  local MAX_UNPACKED = 4000

  local stored = redis.call('HMGET', meta, 'epoch', 'lineage', 'generation', 'known', 'bytes')
  local lineage = current_lineage(stored[2])
  local epoch = stored[1]
  if not epoch or stored[2] ~= lineage or (proved ~= '' and proved ~= lineage) then
    return { 'LINEAGE', stored[2] or '', lineage, epoch or '' }
  end
  for batch = 1, batches do
    local log = KEYS[last_key + batch]
    local kind = redis.call('TYPE', log).ok
    if kind ~= 'none' and kind ~= 'stream' then return { 'TYPE', log } end
  end
  if max_bytes > 0 and tonumber(stored[5] or '0') >= max_bytes then return { 'FULL' } end

  local time = redis.call('TIME')
  local now_ms = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  -- When this generation began, and the previous one; nil for never.
  local began, known = tonumber(stored[3] or '0'), tonumber(stored[4])
  -- A start ahead of the clock: the clock was set back since, at least that far.
  local ahead_ms = math.max(0, began - now_ms)
  began, known = began - ahead_ms, known and known - ahead_ms

  local slices, producers, is_named_before, has_runs = {}, {}, { [''] = true }, false
  local LINE = '(%d+) (%d+) (%d+)%+?(%d*) (%S+) (%S+) (%S+) (%-?%d+) (%-?%d+) (%d+) (%S+) ([^\n]*)\n'
  for batch, session, seq, run_to, before, under, crc, age, last, sequence, refused, producer in string.gmatch(lines, LINE) do
    slices[#slices + 1] = {
      batch = tonumber(batch), session = tonumber(session), seq = tonumber(seq),
      last_seq = tonumber(run_to ~= '' and run_to or seq), before = before, epoch = under, crc = crc,
      age_ms = tonumber(age), last = last, sequence = tonumber(sequence), sequence_name = sequence, refused = refused,
      producer = producer
    }
    has_runs = has_runs or run_to ~= ''
    if not is_named_before[producer] then
      is_named_before[producer] = true
      producers[#producers + 1] = producer
    end
  end

  -- A state is `session seq kept position`. `kept` is the sequence, then one entry `,seq~checksum` per remembered slice,
  -- newest first, followed by `!refusals` where events were refused. `,seq~?` may stand for the rest: entries from that
  -- seq on are the producer's older entries if those begin with it; otherwise they are unknown. Older entries end in the
  -- same way. States without entries are from a version that wrote none.
  local function state_from(raw, is_current)
    local session, seq, sequence, entries, position = string.match(raw, '^(%d+) (%d+) (%d*)(%S*) (%S+)$')
    local has_entries = string.sub(entries, 1, 1) == ','
    return {
      session = tonumber(session), seq = tonumber(seq), sequence = has_entries and tonumber(sequence) or 0,
      sequence_name = sequence, entries = has_entries and entries, kept = sequence .. entries, position = position,
      is_current = is_current
    }
  end
  local states, is_changed = {}, false
  for from = 1, #producers, MAX_UNPACKED do
    local to = math.min(from + MAX_UNPACKED - 1, #producers)
    local found = redis.call('HMGET', cur, unpack(producers, from, to))
    for i = from, to do
      local raw = found[i - from + 1]
      local before = not raw and redis.call('HGET', prev, producers[i])
      if raw or before then states[producers[i]] = state_from(raw or before, raw and true) end
    end
  end

  -- The entries of a state, preceded by those of this call, which lie in `fresh`, oldest first.
  local function entries_of(st)
    local fresh = st.fresh
    if not fresh then return st.entries end
    local newest_first = {}
    for i = #fresh, 1, -1 do newest_first[#newest_first + 1] = fresh[i] end
    newest_first[#newest_first + 1] = st.entries
    return table.concat(newest_first)
  end

  -- Replaces `,seq~?` with the entries it stands for.
  local function with_older(producer, entries)
    local newer, link = string.match(entries, '^(.*)(,%d+~)%?$')
    if not newer then return entries end
    for _, key in ipairs({ cur_older, prev_older }) do
      local older = redis.call('HGET', key, producer)
      if older and string.sub(older, 1, #link) == link then return newer .. older end
    end
    return entries
  end

  -- Entries without the newest, unless events of the newest were refused.
  local function without_newest(entries)
    local at = string.find(entries, '[!?,]', 2)
    if not at then return '' end
    return string.sub(entries, at, at) == ',' and string.sub(entries, at) or entries
  end

  -- Adds the entry of a slice. A named sequence never restarts, so only refusals of its earlier slices are kept.
  local function note(st, slice)
    local entry = ',' .. slice.last_seq .. '~' .. slice.crc
    if slice.refused ~= '-' then entry = entry .. '!' .. slice.refused end
    local fresh = st.fresh
    if not fresh then
      local older = st.entries or ''
      st.entries = slice.sequence == 0 and older or without_newest(older)
      st.fresh = { entry }
    elseif slice.sequence ~= 0 and not string.find(fresh[#fresh], '!', 1, true) then
      fresh[#fresh] = entry
    else
      fresh[#fresh + 1] = entry
    end
    st.history = nil
  end

  -- Judges a slice whose seq is not above the last one: a duplicate if the content stored under that seq is the same.
  local function judge_known(st, slice)
    if not st.entries then return 'D' end
    st.history = st.history or with_older(slice.producer, entries_of(st))
    local at = string.find(st.history, ',' .. slice.seq .. '~', 1, true)
    if at then
      local crc, refused = string.match(st.history, '~([^!,]*)!?([^,]*)', at)
      if crc == slice.crc then
        slice.had_refused = refused ~= '' and refused or '.'
        return 'D'
      end
      if crc ~= '?' then return 'C' end
    end
    -- A first attempt under a used seq: the producer restarted its count.
    if slice.age_ms < 0 then return 'C' end
    local unknown_to = tonumber(string.match(st.history, ',(%d+)~%?$') or '-1')
    if slice.sequence == 0 or slice.seq <= unknown_to then return 'U' end
    slice.had_refused = '.'
    return 'D'
  end

  -- Whether a state of that age may have been dropped with its generation.
  local function is_forgotten(age_ms)
    if age_ms >= generation_ms then return true end
    return age_ms > 0 and known and now_ms - age_ms < known + TRANSIT_MS
  end

  local held, added = nil, 0
  local function rotates()
    local age_ms = now_ms - began
    if age_ms >= generation_ms then return true end
    return age_ms >= SHORTEST_GENERATION_MS and held ~= nil and held + added >= max_producers
  end
  -- Producers known from the previous generation have as much room again: new ones must not keep them out.
  local function has_room(st)
    if st and (st.is_current or st.changed) then return true end
    held = held or redis.call('HLEN', cur)
    if held + added >= (st and 2 * max_producers or max_producers) and not rotates() then return false end
    added = added + 1
    return true
  end

  local function judge(slice)
    local st = states[slice.producer]
    if st then
      if slice.sequence < st.sequence then return 'F' end
      if slice.sequence == st.sequence and slice.session < st.session then return 'F' end
    end
    if st and slice.sequence == st.sequence then
      if slice.seq <= st.seq then
        local verdict = judge_known(st, slice)
        if verdict == 'D' and slice.session > st.session then
          st.session, st.changed, is_changed = slice.session, true, true
        end
        return verdict
      end
      if slice.before ~= '*' and tonumber(slice.before) ~= st.seq then return 'O' end
    else
      if slice.before ~= '*' then return 'O' end
      if is_forgotten(slice.age_ms) then return 'U' end
    end
    if not has_room(st) then return 'S' end
    if not st or slice.sequence ~= st.sequence then
      st = { entries = '', is_current = st and st.is_current }
      states[slice.producer] = st
    end
    st.session, st.seq, st.sequence, st.sequence_name = slice.session, slice.last_seq, slice.sequence, slice.sequence_name
    if slice.batch > 0 then st.slice, st.position = slice, nil end
    note(st, slice)
    st.changed, is_changed = true, true
    return 'N'
  end

  local verdicts, positions, refused, fresh, ordinal = {}, {}, {}, {}, {}
  local refusals, has_refusals = {}, false
  for i, slice in ipairs(slices) do
    local batch = slice.batch
    local verdict
    if slice.epoch ~= '*' and slice.epoch ~= epoch then verdict = 'E'
    elseif slice.producer == '' then verdict = 'N'
    else verdict = judge(slice) end
    if has_runs and verdict ~= 'N' then return { 'SPLIT' } end
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
  for batch = 1, batches do
    if fresh[batch] then
      local log, at = KEYS[last_key + batch], last_arg + 2 * batch - 1
      if refused[batch] then
        ids[batch] = redis.call('XADD', log, '*', 'e', epoch, 'h', ARGV[at], 'd', ARGV[at + 1], 'x', refused[batch])
      else
        ids[batch] = redis.call('XADD', log, '*', 'e', epoch, 'h', ARGV[at], 'd', ARGV[at + 1])
      end
    end
  end

  -- Slices stored by this call were noted by number until their ids were known.
  local function position_of(slice) return ids[slice.batch] .. '.' .. slice.last end
  for i, position in ipairs(positions) do
    if type(position) == 'table' then positions[i] = position_of(position) end
  end

  local is_rotated = is_changed and rotates()
  if is_rotated then
    if redis.call('EXISTS', cur) == 1 then
      redis.call('RENAME', cur, prev)
      redis.call('UNLINK', prev_older)
      if redis.call('EXISTS', cur_older) == 1 then redis.call('RENAME', cur_older, prev_older) end
      known = began
    end
    began = now_ms
  end
  if is_rotated or (is_changed and ahead_ms > 0) then
    redis.call('HSET', meta, 'generation', began)
    if known then redis.call('HSET', meta, 'known', known) end
  end

  local function within_room(entries)
    if #entries <= MAX_OLDER_BYTES then return entries end
    local kept = string.match(string.sub(entries, 1, MAX_OLDER_BYTES), '^(.*),') or ''
    return kept .. ',' .. string.match(entries, '^,(%d+)~', #kept + 1) .. '~?'
  end

  -- Returns the entries to store with a state, and the older ones if they change or would be dropped with the previous
  -- generation.
  local function split(producer, st)
    local entries = entries_of(st)
    local moves = (is_rotated or not st.is_current) and string.sub(entries, -2) == '~?'
    if #entries <= MAX_ENTRY_BYTES and not moves then return entries end
    local newest, others = string.match(entries, '^(,[^,]+)(,.*)$')
    if not newest then return entries end
    return newest .. string.match(others, '^,%d+~') .. '?', within_room(with_older(producer, others))
  end

  local function write(key, fields)
    for from = 1, #fields, MAX_UNPACKED do
      redis.call('HSET', key, unpack(fields, from, math.min(from + MAX_UNPACKED - 1, #fields)))
    end
  end
  local state_fields, older_fields = {}, {}
  for producer, st in pairs(states) do
    if st.changed then
      local kept, older = st.kept, nil
      if st.entries then
        local entries
        entries, older = split(producer, st)
        kept = st.sequence_name .. entries
      end
      local position = st.position or (st.slice and position_of(st.slice)) or '-'
      state_fields[#state_fields + 1] = producer
      state_fields[#state_fields + 1] = st.session .. ' ' .. st.seq .. ' ' .. kept .. ' ' .. position
      if older then
        older_fields[#older_fields + 1] = producer
        older_fields[#older_fields + 1] = older
      end
    end
  end
  write(cur, state_fields)
  write(cur_older, older_fields)

  return {
    'OK', epoch, table.concat(verdicts), table.concat(positions, ' '), lineage,
    has_refusals and table.concat(refusals, ' ') or ''
  }
end

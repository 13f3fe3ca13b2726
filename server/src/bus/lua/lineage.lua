-- Identity of the data set this very call runs on: changes when Redis restarts, is promoted, or comes back empty.
local function read_lineage()
  local info = redis.call('INFO', 'server', 'replication')
  return string.match(info, 'run_id:(%x+)') .. ':' .. string.match(info, 'master_replid:(%x+)')
end

-- The same, where it most likely is the one stored. A master draws its own replication id when it starts and when it is
-- promoted, so that this half of the identity shows the whole, for two thirds of the time.
-- Asked for once: it is the same for as long as the script runs.
local replication_id
local function current_lineage(stored)
  replication_id = replication_id or string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
  local id = replication_id
  if stored and string.sub(stored, -#id - 1) == ':' .. id then return stored end
  return read_lineage()
end

-- Whether a write was computed from another version of the log: `epoch` and `lineage` are those its writer loaded.
-- Returns nil, or the refusal { 'LINEAGE', stored lineage, current lineage, epoch }
local function moved_on(meta, epoch, lineage)
  local stored = redis.call('HMGET', meta, 'epoch', 'lineage')
  local current = current_lineage(stored[2])
  if stored[1] == epoch and stored[2] == lineage and current == lineage then return nil end
  return { 'LINEAGE', stored[2] or '', current, stored[1] or '' }
end

-- What `epochs` of a partition holds where no epoch before the present one is known: since when, ms, and the epoch. Each later
-- one follows.
local function epochs_from(epoch)
  local time = redis.call('TIME')
  return string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)) .. ' ' .. epoch
end

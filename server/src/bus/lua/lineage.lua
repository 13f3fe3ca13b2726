-- Identity of the data set this very call runs on: changes when Redis restarts, is promoted, or comes back empty.
local function current_lineage()
  local info = redis.call('INFO', 'server', 'replication')
  return string.match(info, 'run_id:(%x+)') .. ':' .. string.match(info, 'master_replid:(%x+)')
end

-- Stream id of the newest entry ever added to a log, '0-0' when there is none. XINFO alone would send its first and
-- last entry over the wire.
local function last_id(log)
  if redis.call('EXISTS', log) == 0 then return '0-0' end
  local info = redis.call('XINFO', 'STREAM', log)
  for field = 1, #info, 2 do
    if info[field] == 'last-generated-id' then return info[field + 1] end
  end
end
